//! Random steps on a semaphore and on channels, each compared with a small sequential model.
//!
//! The model is the promise: a line of waiters in a vector, a buffer, and who was handed what.
//! After every step, what was returned, who was woken and what is left have to be what it says. A
//! failing run names its seed.

use crate::support::random::{Random, seeds};
use crate::support::{Count, poll_counted};
use crate::tested::channel::{
    Receiver, Reserved, SendError, Sender, TryRecvError, TrySendError, channel,
};
use nestling::sync::{Permit, Semaphore};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

const SEEDS: u64 = 3000;
const STEPS: usize = 120;

/// Permits and a line, as the documentation has them.
#[derive(Debug, Default)]
struct Line {
    free: usize,
    /// In the order in which they came: a number, what it wants, and whether it was handed it.
    waits: Vec<(usize, usize, bool)>,
}

impl Line {
    fn waiting(&self) -> bool {
        self.waits.iter().any(|(_, _, served)| !served)
    }

    fn try_take(&mut self, wants: usize) -> bool {
        let fits = !self.waiting() && wants <= self.free;
        self.free -= if fits { wants } else { 0 };
        fits
    }

    /// Whether it need not wait.
    fn enter(&mut self, number: usize, wants: usize) -> bool {
        let fits = self.try_take(wants);
        if !fits {
            self.waits.push((number, wants, false));
        }
        fits
    }

    fn give(&mut self, count: usize) {
        self.free = self.free.saturating_add(count);
        for (_, wants, served) in self.waits.iter_mut().filter(|(_, _, served)| !served) {
            if *wants > self.free {
                break;
            }
            self.free -= *wants;
            *served = true;
        }
    }

    fn is_served(&self, number: usize) -> bool {
        self.waits.iter().any(|(other, _, served)| *other == number && *served)
    }

    /// It has taken what it was handed, or is cut.
    fn leave(&mut self, number: usize, cut: bool) {
        let at = self.waits.iter().position(|(other, ..)| *other == number).expect("it waits");
        let (_, wants, served) = self.waits.remove(at);
        if cut {
            self.give(if served { wants } else { 0 });
        }
    }
}

/// A future that was polled, its number, and its waker.
struct Running<'a, T> {
    number: usize,
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    woken: Arc<Count>,
}

impl<'a, T> Running<'a, T> {
    /// What a first poll returns, or what runs on.
    fn start(number: usize, future: impl Future<Output = T> + 'a) -> Result<T, Self> {
        let mut running = Self { number, future: Box::pin(future), woken: Arc::default() };
        match running.poll() {
            Poll::Ready(value) => Ok(value),
            Poll::Pending => Err(running),
        }
    }

    fn poll(&mut self) -> Poll<T> {
        poll_counted(self.future.as_mut(), &self.woken)
    }

    /// Polls it as one of a task's that moves: with another waker from now on.
    fn poll_moved(&mut self, line: &Line) -> Poll<T> {
        assert_eq!(self.woken.get(), usize::from(line.is_served(self.number)), "how often woken");
        self.woken = Arc::default();
        self.poll()
    }

    fn check(&self, line: &Line) {
        // One that was polled after it was served would have ended.
        assert_eq!(self.woken.get(), usize::from(line.is_served(self.number)), "how often woken");
    }
}

/// Runs many random programs, and names the seed of one that fails.
fn for_seeds(run: impl Fn(Random)) {
    struct Names(u64);
    impl Drop for Names {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("NESTLING_SEED={}", self.0);
            }
        }
    }
    for seed in seeds(0..SEEDS) {
        let _names = Names(seed);
        run(Random::new(seed));
    }
}

/// A semaphore, its model, and who waits for permits or holds some.
struct Permits<'a> {
    semaphore: &'a Semaphore,
    line: Line,
    total: usize,
    held: Vec<Permit<'a>>,
    running: Vec<Running<'a, Permit<'a>>>,
}

impl<'a> Permits<'a> {
    fn start(&mut self, number: usize, wants: usize) {
        match Running::start(number, self.semaphore.acquire_many(wants)) {
            Ok(permit) => {
                assert!(self.line.enter(number, wants));
                self.held.push(permit);
            }
            Err(waits) => {
                assert!(!self.line.enter(number, wants));
                self.running.push(waits);
            }
        }
    }

    fn poll(&mut self, at: usize) {
        let served = self.line.is_served(self.running[at].number);
        let polled = self.running[at].poll_moved(&self.line);
        assert_eq!(polled.is_ready(), served);
        if let Poll::Ready(permit) = polled {
            self.line.leave(self.running.remove(at).number, false);
            self.held.push(permit);
        }
    }

    fn cut(&mut self, at: usize) {
        let cut = self.running.remove(at);
        self.line.leave(cut.number, true);
    }

    fn step(&mut self, number: usize, random: &mut Random) {
        let some = random.below(self.running.len().max(1));
        let held = random.below(self.held.len().max(1));
        match random.below(9) {
            0 | 1 => self.start(number, random.below(4)),
            2 if !self.running.is_empty() => self.poll(some),
            3 if !self.running.is_empty() => self.cut(some),
            4 | 5 if !self.held.is_empty() => {
                let permit = self.held.remove(held);
                self.line.give(permit.count());
            }
            6 => {
                let wants = random.below(3);
                let permit = self.semaphore.try_acquire_many(wants);
                assert_eq!(permit.is_some(), self.line.try_take(wants));
                self.held.extend(permit);
            }
            7 => {
                self.semaphore.add_permits(1);
                self.total += 1;
                self.line.give(1);
            }
            8 if !self.held.is_empty() => {
                let permit = self.held.remove(held);
                self.total -= permit.count();
                permit.forget();
            }
            _ => {}
        }
        assert_eq!(self.semaphore.available(), self.line.free);
        self.running.iter().for_each(|running| running.check(&self.line));
    }
}

#[test]
fn a_semaphore_does_what_the_model_does() {
    for_seeds(|mut random| {
        let free = random.below(4);
        let semaphore = Semaphore::new(free);
        let mut permits = Permits {
            semaphore: &semaphore,
            line: Line { free, waits: Vec::new() },
            total: free,
            held: Vec::new(),
            running: Vec::new(),
        };
        for number in 0..STEPS {
            permits.step(number, &mut random);
        }
        // However it ends, every permit is back.
        while !permits.running.is_empty() {
            permits.cut(random.below(permits.running.len()));
        }
        permits.held.clear();
        assert_eq!(semaphore.available(), permits.total);
    });
}

/// A channel as the documentation has it, and what was sent and received.
#[derive(Debug, Default)]
struct Model {
    room: Line,
    messages: Line,
    buffer: VecDeque<usize>,
    closed: bool,
}

impl Model {
    fn push(&mut self, value: usize) {
        self.buffer.push_back(value);
        self.messages.give(1);
    }

    fn pop(&mut self) -> Option<usize> {
        let value = self.buffer.pop_front()?;
        self.room.give(1);
        self.end_if_over();
        Some(value)
    }

    fn close(&mut self) {
        if !std::mem::replace(&mut self.closed, true) {
            self.room.give(usize::MAX);
            self.end_if_over();
        }
    }

    fn end_if_over(&mut self) {
        if self.closed && self.buffer.is_empty() {
            self.messages.give(usize::MAX);
        }
    }
}

type Reservation<'a> = Result<Reserved<'a, usize>, SendError<()>>;

/// A channel, its model, and all futures on it.
struct Both<'a> {
    model: Model,
    receiver: &'a Receiver<usize>,
    sends: Vec<Running<'a, Result<(), SendError<usize>>>>,
    reserves: Vec<Running<'a, Reservation<'a>>>,
    recvs: Vec<Running<'a, Option<usize>>>,
    reserved: Vec<Reserved<'a, usize>>,
}

impl<'a> Both<'a> {
    fn check(&self) {
        assert_eq!(self.receiver.len(), self.model.buffer.len());
        assert_eq!(self.receiver.is_closed(), self.model.closed);
        self.sends.iter().for_each(|running| running.check(&self.model.room));
        self.reserves.iter().for_each(|running| running.check(&self.model.room));
        self.recvs.iter().for_each(|running| running.check(&self.model.messages));
    }

    fn sent(&mut self, value: usize, result: Result<(), SendError<usize>>) {
        if self.model.closed {
            assert_eq!(result, Err(SendError(value)), "no send succeeds after a close");
        } else {
            assert_eq!(result, Ok(()));
            self.model.push(value);
        }
    }

    fn reserve_ended(&mut self, result: Reservation<'a>) {
        match result {
            Ok(reserved) => {
                assert!(!self.model.closed);
                self.reserved.push(reserved);
            }
            Err(SendError(())) => assert!(self.model.closed),
        }
    }

    fn start(&mut self, number: usize, sender: &'a Sender<usize>, kind: usize) {
        match kind {
            0 => match Running::start(number, sender.send(number)) {
                Ok(result) => {
                    assert!(self.model.room.enter(number, 1));
                    self.sent(number, result);
                }
                Err(waits) => {
                    assert!(!self.model.room.enter(number, 1));
                    self.sends.push(waits);
                }
            },
            1 => match Running::start(number, sender.reserve()) {
                Ok(result) => {
                    assert!(self.model.room.enter(number, 1));
                    self.reserve_ended(result);
                }
                Err(waits) => {
                    assert!(!self.model.room.enter(number, 1));
                    self.reserves.push(waits);
                }
            },
            _ => match Running::start(number, self.receiver.recv()) {
                Ok(got) => {
                    assert!(self.model.messages.enter(number, 1));
                    assert_eq!(got, self.model.pop());
                }
                Err(waits) => {
                    assert!(!self.model.messages.enter(number, 1));
                    self.recvs.push(waits);
                }
            },
        }
    }

    fn poll(&mut self, random: &mut Random, kind: usize) {
        match kind {
            0 if !self.sends.is_empty() => {
                let at = random.below(self.sends.len());
                let number = self.sends[at].number;
                let served = self.model.room.is_served(number);
                let polled = self.sends[at].poll_moved(&self.model.room);
                assert_eq!(polled.is_ready(), served);
                if let Poll::Ready(result) = polled {
                    self.model.room.leave(number, false);
                    drop(self.sends.remove(at));
                    self.sent(number, result);
                }
            }
            1 if !self.reserves.is_empty() => {
                let at = random.below(self.reserves.len());
                let number = self.reserves[at].number;
                let served = self.model.room.is_served(number);
                let polled = self.reserves[at].poll_moved(&self.model.room);
                assert_eq!(polled.is_ready(), served);
                if let Poll::Ready(result) = polled {
                    self.model.room.leave(number, false);
                    drop(self.reserves.remove(at));
                    self.reserve_ended(result);
                }
            }
            2 if !self.recvs.is_empty() => {
                let at = random.below(self.recvs.len());
                let number = self.recvs[at].number;
                let served = self.model.messages.is_served(number);
                let polled = self.recvs[at].poll_moved(&self.model.messages);
                assert_eq!(polled.is_ready(), served);
                if let Poll::Ready(got) = polled {
                    self.model.messages.leave(number, false);
                    drop(self.recvs.remove(at));
                    assert_eq!(got, self.model.pop());
                }
            }
            _ => {}
        }
    }

    fn cut(&mut self, random: &mut Random, kind: usize) {
        match kind {
            0 if !self.sends.is_empty() => {
                let cut = self.sends.remove(random.below(self.sends.len()));
                self.model.room.leave(cut.number, true);
            }
            1 if !self.reserves.is_empty() => {
                let cut = self.reserves.remove(random.below(self.reserves.len()));
                self.model.room.leave(cut.number, true);
            }
            2 if !self.recvs.is_empty() => {
                let cut = self.recvs.remove(random.below(self.recvs.len()));
                self.model.messages.leave(cut.number, true);
            }
            _ => {}
        }
    }

    fn use_reserved(&mut self, random: &mut Random, value: usize) {
        if self.reserved.is_empty() {
            return;
        }
        let reserved = self.reserved.remove(random.below(self.reserved.len()));
        if random.below(3) == 0 {
            drop(reserved);
            self.model.room.give(1);
        } else {
            let result = reserved.send(value);
            self.sent(value, result);
        }
    }

    fn try_both(&mut self, random: &mut Random, sender: &Sender<usize>, value: usize) {
        if random.below(2) == 0 {
            let expected = if self.model.closed {
                Err(TrySendError::Closed(value))
            } else if self.model.room.try_take(1) {
                self.model.push(value);
                Ok(())
            } else {
                Err(TrySendError::Full(value))
            };
            assert_eq!(sender.try_send(value), expected);
        } else {
            let expected = if self.model.messages.try_take(1) {
                self.model.pop().ok_or(TryRecvError::Closed)
            } else {
                Err(TryRecvError::Empty)
            };
            assert_eq!(self.receiver.try_recv(), expected);
        }
    }
}

/// Runs random steps; says what is left in the channel when all futures on it are cut.
fn steps(
    mut random: Random,
    bound: usize,
    sender: &Sender<usize>,
    receiver: &Receiver<usize>,
) -> VecDeque<usize> {
    let mut keep = Some(sender.clone());
    let room = Line { free: bound, waits: Vec::new() };
    let mut both = Both {
        model: Model { room, ..Model::default() },
        receiver,
        sends: Vec::new(),
        reserves: Vec::new(),
        recvs: Vec::new(),
        reserved: Vec::new(),
    };
    for number in 0..STEPS {
        let kind = random.below(3);
        match random.below(12) {
            0..4 => both.start(number, sender, kind),
            4..7 => both.poll(&mut random, kind),
            7 | 8 => both.cut(&mut random, kind),
            9 => both.use_reserved(&mut random, number),
            10 => both.try_both(&mut random, sender, number),
            _ if random.below(15) == 0 => {
                receiver.close();
                both.model.close();
            }
            // One clone goes: the channel is open all the same.
            _ => keep = None,
        }
        both.check();
    }
    drop(keep);
    both.model.buffer
}

#[test]
fn a_channel_does_what_the_model_does() {
    for_seeds(|mut random| {
        let bound = 1 + random.below(3);
        let (sender, receiver) = channel(bound);
        let buffer = steps(random, bound, &sender, &receiver);
        drop(sender);
        let left: VecDeque<_> = std::iter::from_fn(|| receiver.try_recv().ok()).collect();
        assert_eq!(left, buffer, "in order, and nothing else");
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    });
}
