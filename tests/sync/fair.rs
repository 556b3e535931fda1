//! Rule 18: tasks that compete in loops that are always ready all get on, in the order in which
//! they came, and one that is cut when the turn is over gives back what it was handed.

use crate::support::random::Random;
use crate::support::{end_turn, poll_once, watched};
use nestling::sync::{Mutex, Notify, RwLock, Semaphore};
use nestling::task::yield_now;
use nestling::{block_on, nursery};
use std::cell::{Cell, RefCell};
use std::io;
use std::pin::pin;

const TASKS: usize = 3;
const ROUNDS: usize = 12_000;

/// Tasks that take something again and again, of which there is one: who came for it, in order, is
/// who got it.
fn compete<G>(seed: u64, take: impl AsyncFn() -> G) {
    let (came, got) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let result = block_on(nursery(async |n| {
        for own in 0..TASKS {
            let (came, got, take, canceller) = (&came, &got, &take, n.canceller());
            let mut random = Random::new(seed + own as u64);
            n.spawn(async move {
                loop {
                    if random.percent(1) {
                        end_turn().await;
                    }
                    came.borrow_mut().push(own);
                    let guard = take().await;
                    got.borrow_mut().push(own);
                    if random.percent(1) {
                        yield_now().await;
                    }
                    drop(guard);
                    if got.borrow().len() >= ROUNDS {
                        return canceller.cancel();
                    }
                }
            });
        }
        Ok::<_, io::Error>(())
    }));
    result.expect("it was cancelled by itself");
    let (came, got) = (came.into_inner(), got.into_inner());
    assert_eq!(got, came[..got.len()]);
    for own in 0..TASKS {
        let its = got.iter().filter(|other| **other == own).count();
        assert!(its > got.len() / TASKS / 2, "{own} got {its} of {}", got.len());
    }
}

#[test]
fn r18_a_semaphore_is_fair_across_turns() {
    watched(|| {
        let semaphore = Semaphore::new(1);
        compete(1, async || semaphore.acquire().await);
    });
}

#[test]
fn r18_a_mutex_is_fair_across_turns() {
    watched(|| {
        let mutex = Mutex::new(());
        compete(2, async || mutex.lock().await);
    });
}

#[test]
fn r18_a_lock_to_write_is_fair_across_turns() {
    watched(|| {
        let lock = RwLock::new(());
        compete(3, async || lock.write().await);
    });
}

/// Two tasks that are always ready, and know nothing of each other.
#[test]
fn r18_loops_that_are_always_ready_share_the_core() {
    watched(|| {
        let counts = [const { Cell::new(0_u64) }; 2];
        let result = block_on(nursery(async |n| {
            for count in &counts {
                n.spawn(async {
                    let mutex = Mutex::new(());
                    loop {
                        drop(mutex.lock().await);
                        count.set(count.get() + 1);
                    }
                });
            }
            while counts.iter().any(|count| count.get() < 100_000) {
                yield_now().await;
            }
            n.cancel();
            Ok::<_, io::Error>(())
        }));
        result.expect("it was cancelled by itself");
        let [one, other] = counts.map(Cell::into_inner);
        assert!(one.abs_diff(other) < 10_000, "{one} and {other}");
    });
}

/// Served in the line, and cut there.
#[test]
fn r18_what_was_handed_over_when_the_turn_was_over_comes_back() {
    watched(|| {
        block_on(async {
            let semaphore = Semaphore::new(3);
            end_turn().await;
            {
                let mut all = pin!(semaphore.acquire_many(3));
                assert!(poll_once(all.as_mut()).await.is_pending());
                assert_eq!(semaphore.available(), 0, "in order: it has them already");
                assert!(semaphore.try_acquire().is_none());
            }
            assert_eq!(semaphore.available(), 3);

            let mutex = Mutex::new(());
            end_turn().await;
            assert!(poll_once(pin!(mutex.lock())).await.is_pending());
            drop(mutex.try_lock().expect("it was given back"));

            let lock = RwLock::new(());
            end_turn().await;
            assert!(poll_once(pin!(lock.write())).await.is_pending());
            drop(lock.try_write().expect("it was given back"));

            let notify = Notify::new();
            notify.notify_one();
            end_turn().await;
            assert!(poll_once(pin!(notify.notified())).await.is_pending());
            notify.notified().await;
        });
    });
}

/// The one that came when the turn was over has it before one that comes later.
#[test]
fn r18_nobody_overtakes_when_the_turn_is_over() {
    watched(|| {
        block_on(async {
            let mutex = Mutex::new(());
            end_turn().await;
            let mut first = pin!(mutex.lock());
            assert!(poll_once(first.as_mut()).await.is_pending());
            yield_now().await;
            let mut second = pin!(mutex.lock());
            assert!(poll_once(second.as_mut()).await.is_pending());
            drop(first.await);
            drop(second.await);
        });
    });
}
