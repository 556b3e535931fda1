//! Operations that end while they are cancelled: what they tell is what has happened, and what came
//! for them is not lost.

use crate::run;
use crate::support::{end_turn, pair, turns};
use nestling::buf::Pool;
use nestling::io::nursery;
use nestling::net::UdpSocket;
use nestling::task::yield_now;
use nestling::{is_cancelled, stats};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{self, Shutdown};
use std::pin::pin;

/// How far the operation of a child is when the cancel comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The operation is begun, and the kernel has not seen it.
    Begun,
    /// The kernel has it; what it waits for has just come.
    InFlight,
    /// The kernel has answered, and the child was not polled since.
    Answered,
    /// The child has taken the answer.
    Taken,
}

impl Stage {
    /// Whether the child hears of an answer, and not of the cancel alone. The kernel says which,
    /// if both come to it at once.
    fn is_told(self) -> Option<bool> {
        match self {
            Self::Begun => Some(false),
            Self::InFlight => None,
            Self::Answered | Self::Taken => Some(true),
        }
    }

    /// Asserts that the child was told as it had to be.
    fn check(self, was_told: bool) {
        assert_eq!(was_told, self.is_told().unwrap_or(was_told), "cancelled when {self:?}");
    }
}

const STAGES: [Stage; 4] = [Stage::Begun, Stage::InFlight, Stage::Answered, Stage::Taken];

/// Each stage as often.
const ROUNDS: usize = 20;

/// Whether a stream is dropped behind its first answer: at every stage as often as not.
fn takes_one(round: usize) -> bool {
    (round / STAGES.len()).is_multiple_of(2)
}

/// Counts how often `work` is polled.
async fn counted<T>(polls: &Cell<u32>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|cx| {
        polls.set(polls.get() + 1);
        work.as_mut().poll(cx)
    })
    .await
}

/// Runs `work` in a child, whose operation waits; has `event` happen, which ends that; and cancels
/// the child when its operation is that far.
async fn raced(stage: Stage, event: impl FnOnce(), work: impl Future<Output = io::Result<()>>) {
    // What the round before has left to be closed is no answer of this one.
    turns(2).await;
    let polls = Cell::new(0);
    let result = nursery(async |n| {
        n.spawn(counted(&polls, work));
        // The child is polled in this turn, behind which its operation enters.
        yield_now().await;
        if stage != Stage::Begun {
            turns(2).await;
        }
        let (polled, has_entered) = (polls.get(), stats().in_flight > 0);
        assert_eq!((polled, has_entered), (1, stage != Stage::Begun), "{stage:?}: it waits");
        event();
        match stage {
            Stage::Begun | Stage::InFlight => {}
            Stage::Answered => answered_first().await,
            Stage::Taken => turns(2).await,
        }
        assert_eq!(polls.get() > polled, stage == Stage::Taken, "{stage:?}");
        n.cancel();
        Ok(())
    });
    result.await.unwrap();
}

/// Returns after a turn, before the code that its answers wake is polled: this is queued first.
async fn answered_first() {
    end_turn().await;
    yield_now().await;
}

/// Cancels an operation that waits for nothing: before the kernel has it, or when it was answered.
async fn cancelled_at(stage: Stage, work: impl Future<Output = io::Result<()>>) {
    turns(2).await;
    let polls = Cell::new(0);
    let result = nursery(async |n| {
        n.spawn(counted(&polls, work));
        let (submitted, completed) = (stats().submitted, stats().completed);
        yield_now().await;
        assert_eq!(polls.get(), 1, "{stage:?}: it is begun");
        assert_eq!(stats().submitted, submitted, "{stage:?}: it has not entered");
        if stage != Stage::Begun {
            // Threads of the kernel's may do it.
            while stats().completed == completed {
                answered_first().await;
            }
        }
        assert_eq!(polls.get(), 1, "{stage:?}: the answer is not taken");
        n.cancel();
        Ok(())
    });
    result.await.unwrap();
}

/// The stream is dropped behind its first lease, or goes on until it hears of the cancel.
#[test]
fn r17_a_stream_of_leases_loses_nothing() {
    run(async || {
        // "before" takes two.
        let pool = Pool::new(8, 4).unwrap();
        for (round, stage) in STAGES.repeat(ROUNDS).into_iter().enumerate() {
            let (stream, mut peer) = pair();
            let mut other = peer.try_clone().unwrap();
            let all = RefCell::new(Vec::new());
            let event = || peer.write_all(b"before").unwrap();
            raced(stage, event, async {
                let mut leases = stream.recv_stream_in(&pool);
                loop {
                    match leases.next().await {
                        Ok(lease) => all.borrow_mut().extend_from_slice(&lease),
                        Err(error) => return is_cancelled(&error).then_some(()).ok_or(error),
                    }
                    if takes_one(round) {
                        return Ok(());
                    }
                }
            })
            .await;
            other.write_all(b", after").unwrap();
            let mut all = all.into_inner();
            stage.check(!all.is_empty());
            while all.len() < b"before, after".len() {
                all.extend_from_slice(&stream.recv().await.unwrap());
            }
            assert_eq!(all, b"before, after", "cancelled when {stage:?}");
        }
    });
}

/// The same, of datagrams.
#[test]
fn r17_a_stream_of_datagrams_loses_nothing() {
    run(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.connect(socket.local_addr().unwrap()).unwrap();
        for (round, stage) in STAGES.repeat(ROUNDS).into_iter().enumerate() {
            let all = RefCell::new(Vec::new());
            let say = |words: &[&str]| {
                words.iter().for_each(|word| assert!(peer.send(word.as_bytes()).is_ok()));
            };
            raced(stage, || say(&["one", "two"]), async {
                let mut datagrams = socket.recv_stream();
                loop {
                    match datagrams.next().await {
                        Ok((lease, _)) => all.borrow_mut().push(lease.into_vec()),
                        Err(error) => return is_cancelled(&error).then_some(()).ok_or(error),
                    }
                    if takes_one(round) {
                        return Ok(());
                    }
                }
            })
            .await;
            say(&["three"]);
            let mut all = all.into_inner();
            stage.check(!all.is_empty());
            while all.len() < 3 {
                let (length, mut bytes) = socket.recv(vec![0; 9]).await;
                bytes.truncate(length.unwrap());
                all.push(bytes);
            }
            assert_eq!(all, [&b"one"[..], b"two", b"three"], "cancelled when {stage:?}");
        }
    });
}

/// A wait takes nothing, whether it hears of the bytes or of the cancel.
#[test]
fn r17_a_wait_leaves_what_it_is_told_of() {
    run(async || {
        for stage in STAGES.repeat(ROUNDS) {
            let (stream, mut peer) = pair();
            let is_told = Cell::new(false);
            raced(stage, || peer.write_all(b"abc").unwrap(), async {
                match stream.readable().await {
                    Err(error) if !is_cancelled(&error) => return Err(error),
                    result => is_told.set(result.is_ok()),
                }
                Ok(())
            })
            .await;
            stage.check(is_told.get());
            assert_eq!(stream.read(vec![0; 9]).await.0.unwrap(), 3);
        }
    });
}

#[test]
fn b1_a_shutdown_tells_whether_it_was_done() {
    run(async || {
        for stage in [Stage::Begun, Stage::Answered].repeat(ROUNDS) {
            let (stream, mut peer) = pair();
            let is_done = Cell::new(false);
            cancelled_at(stage, async {
                match stream.shutdown(Shutdown::Write).await {
                    Err(error) if !is_cancelled(&error) => return Err(error),
                    result => is_done.set(result.is_ok()),
                }
                Ok(())
            })
            .await;
            stage.check(is_done.get());
            peer.set_nonblocking(true).unwrap();
            let end = peer.read(&mut [0; 1]);
            match is_done.get() {
                true => assert_eq!(end.unwrap(), 0),
                false => assert_eq!(end.unwrap_err().kind(), ErrorKind::WouldBlock),
            }
        }
    });
}

/// Cancelled or not, it closes the socket before its nursery ends.
#[test]
fn b8_a_close_is_done_in_any_case() {
    run(async || {
        for stage in [Stage::Begun, Stage::Answered].repeat(ROUNDS) {
            let (stream, mut peer) = pair();
            cancelled_at(stage, stream.close()).await;
            peer.set_nonblocking(true).unwrap();
            assert_eq!(peer.read(&mut [0; 1]).unwrap(), 0, "cancelled when {stage:?}");
        }
    });
}
