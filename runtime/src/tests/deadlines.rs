//! The timers by themselves, beside a list in order: the test says what time it is.

#[path = "../driver/timers.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod timers;
#[path = "../driver/wheel.rs"]
#[allow(dead_code, clippy::duplicate_mod, reason = "compiled a second time, used in part")]
mod wheel;

use super::random::Random;
use crate::wake::Waiter;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use timers::{TimerKey, Timers};

const STEPS: usize = 3_000;

/// Timers that together are put in order, with whatever else there is.
const BURST: usize = 5_000;

/// A time of any order of magnitude, below so many bits.
fn far(random: &mut Random, bits: usize) -> u64 {
    let magnitude = random.below(bits);
    random.below(1 << magnitude) as u64
}

/// What has expired, in order.
type Expired = Arc<Mutex<Vec<u64>>>;

struct Named(u64, Expired);

impl Wake for Named {
    fn wake(self: Arc<Self>) {
        self.1.lock().expect("no thread panics").push(self.0);
    }
}

/// Timers, and what has to be in them: by deadline and in order of arming.
#[derive(Default)]
struct Pair {
    timers: Timers,
    model: BTreeMap<(u64, u64), TimerKey>,
    now: u64,
    count: u64,
    expired: Expired,
    gone: Vec<TimerKey>,
}

impl Pair {
    fn waiter(&self, name: u64) -> Waiter {
        Waiter::Foreign(Waker::from(Arc::new(Named(name, Arc::clone(&self.expired)))))
    }

    fn arm(&mut self, deadline: u64) {
        let waiter = self.waiter(self.count);
        let key = self.timers.arm(self.now, deadline, waiter, None);
        self.model.insert((deadline, self.count), key);
        self.count += 1;
    }

    fn nth(&self, at: usize) -> Option<((u64, u64), TimerKey)> {
        self.model.iter().nth(at).map(|(name, key)| (*name, *key))
    }

    fn disarm(&mut self, at: usize) {
        let Some((name, key)) = self.nth(at) else { return };
        assert!(matches!(self.timers.disarm(key), Waiter::Foreign(_)));
        self.model.remove(&name);
        self.gone.push(key);
    }

    /// A timer that runs gets another waiter, which is the same to the model.
    fn poll(&mut self, at: usize) {
        let Some(((_, name), key)) = self.nth(at) else { return };
        let mut waiter = self.waiter(name);
        assert!(self.timers.poll(key, &mut waiter));
    }

    /// A key whose timer is gone names nothing, even when its slot is in use again.
    fn use_stale(&mut self, at: usize) {
        let Some(key) = self.gone.get(at).copied() else { return };
        assert!(matches!(self.timers.disarm(key), Waiter::Nobody));
        assert!(!self.timers.poll(key, &mut Waiter::Nobody));
    }

    /// Lets timers expire whose time has come, as far as so many steps go.
    fn expire(&mut self, steps: usize) {
        let mut left = steps;
        while let Some(waiter) = self.timers.pop_due(self.now, &mut left) {
            waiter.wake();
        }
        for name in std::mem::take(&mut *self.expired.lock().expect("no thread panics")) {
            let ((deadline, first), key) = self.model.pop_first().expect("one is armed");
            assert_eq!(name, first, "the first deadline expires first");
            assert!(deadline <= self.now, "{deadline} expires at {}", self.now);
            self.gone.push(key);
        }
        let first = self.model.first_key_value().map(|((deadline, _), _)| *deadline);
        assert!(left == 0 || first.is_none_or(|deadline| deadline > self.now), "one is late");
        let next = self.timers.next();
        assert_eq!(next.is_some(), first.is_some());
        assert!(next <= first, "the core sleeps until {next:?}, too late for {first:?}");
        if self.model.len() <= 32 {
            assert_eq!(next, first, "few are known to the nanosecond");
        }
    }

    /// Sleeps as a core does, until all have expired.
    fn expire_all(&mut self) {
        let mut wakes = 0;
        let armed = self.model.len();
        while let Some(next) = self.timers.next() {
            self.now = self.now.max(next);
            self.expire(usize::MAX);
            wakes += 1;
        }
        assert!(self.model.is_empty());
        assert!(wakes <= 2 * armed, "{wakes} wakes for {armed} timers");
    }

    /// A moment to come, at any distance, or one that is past; often that of another timer.
    fn moment(&self, random: &mut Random) -> u64 {
        let other = random.below(2 * self.model.len() + 1);
        match (random.below(8), self.nth(other)) {
            (0, _) => self.now.saturating_sub(random.below(1 << 20) as u64),
            (1, Some(((deadline, _), _))) => deadline,
            (2, _) => u64::MAX - random.below(2) as u64,
            _ => self.now.saturating_add(far(random, 50)),
        }
    }

    fn step(&mut self, random: &mut Random) {
        let at = random.below(self.model.len() + 1);
        match random.below(16) {
            0..7 => {
                let moment = self.moment(random);
                self.arm(moment);
            }
            7..10 => self.disarm(at),
            10 => self.poll(at),
            11 => self.use_stale(random.below(self.gone.len() + 1)),
            12 => self.expire(random.below(20)),
            13 => self.now = self.now.max(self.timers.next().unwrap_or(0).min(1 << 62)),
            14 => self.now += far(random, 44),
            _ => self.expire(usize::MAX),
        }
    }
}

/// A walk that begins with a burst of timers within so many nanoseconds.
fn walk(seed: u64, burst: usize, within: usize) {
    let mut random = Random::new(seed);
    let mut pair = Pair { now: random.below(1 << 55) as u64, ..Pair::default() };
    let start = pair.now + far(&mut random, 45);
    for _ in 0..burst {
        pair.arm(start + random.below(within) as u64);
    }
    for _ in 0..STEPS {
        pair.step(&mut random);
    }
    pair.now = pair.now.max(1 << 56);
    pair.expire_all();
}

#[test]
fn timers_expire_in_the_order_of_a_sorted_list() {
    for seed in 0..20 {
        walk(seed, 0, 1);
    }
}

/// More than are put in order at once: they go from list to list, a part with each step.
#[test]
fn many_timers_of_about_the_same_time_expire_in_order() {
    for (seed, within) in [1, 50, 5_000, 1 << 20, 1 << 36].into_iter().enumerate() {
        walk(seed as u64, BURST, within);
    }
}

/// A core that turns each millisecond has opened a list of timers before its time comes; so one
/// that is due in that time expires in its turn, although others before it have been disarmed.
#[test]
fn a_timer_that_is_due_does_not_wait_for_many_that_are_not() {
    const EVENTS: usize = 4096;
    const TURN: u64 = 1_000_000;
    const OTHERS: usize = 100_000;
    for seed in 0..4 {
        let mut random = Random::new(seed);
        let mut pair = Pair::default();
        let start = 1 << 36;
        let deadline = start + random.below(1 << 23) as u64;
        pair.arm(deadline);
        for _ in 0..OTHERS {
            pair.arm(start + random.below(1 << 30) as u64);
        }
        while pair.nth(0).is_some_and(|((first, _), _)| first < deadline) {
            pair.disarm(0);
        }
        let mut busy = 0;
        while pair.now < deadline {
            pair.expire(EVENTS);
            let next = pair.timers.next().expect("all are armed");
            busy += usize::from(next <= pair.now);
            pair.now = next.max(pair.now + TURN).min(deadline);
        }
        pair.expire(EVENTS);
        assert!(!pair.model.contains_key(&(deadline, 0)), "seed {seed}: it is late");
        assert!(busy >= OTHERS * 9 / 10 / EVENTS, "only {busy} turns have moved so many");
    }
}

/// What is dropped before its time leaves nothing behind: neither a list that was long, nor, after
/// a trim, any.
#[test]
fn e14_timers_that_are_disarmed_keep_no_memory() {
    let mut random = Random::new(0);
    let mut pair = Pair::default();
    for _ in 0..BURST {
        pair.arm(1 << 40 | random.below(1 << 36) as u64);
    }
    assert!(pair.timers.far_capacity() > BURST);
    while !pair.model.is_empty() {
        pair.disarm(random.below(pair.model.len()));
    }
    assert_eq!(pair.timers.next(), None);
    let kept = pair.timers.far_capacity();
    assert!(0 < kept && kept < BURST / 4, "{kept} after {BURST}");
    while pair.timers.trim() {}
    assert!(!pair.timers.is_sparse());
    assert_eq!(pair.timers.far_capacity(), 0);
}
