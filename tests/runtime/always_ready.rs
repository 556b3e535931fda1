//! Rule 18: a loop over awaits that are always ready keeps no task from the core. One test for each
//! construct; beside it questions are answered, timers fire, signals and other threads are heard,
//! and at last it is cancelled. Here: what waits.

use crate::fair::beside;
use crate::support::{turn, watched};
use futures_util::StreamExt;
use nestling::nursery;
use nestling::sync::{
    Barrier, Mutex, Notify, RwLock, Semaphore, channel, oneshot, remote, unbounded,
};
use nestling::time::{Instant, interval, sleep, sleep_until};
use nestling::{timeout, timeout_at};
use std::cell::Cell;
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// Questions that are answered beside each loop, each of which takes a few turns.
const ROUNDS: usize = 50;

const SHORT: Duration = Duration::from_nanos(1);

/// Does for ever what is given, beside all that must go on.
pub(crate) fn keeps_nobody(busy: impl AsyncFn()) {
    watched(|| beside(ROUNDS, busy));
}

// --- time ------------------------------------------------------------------------------------

#[test]
fn r18_an_interval_that_is_late() {
    keeps_nobody(async || {
        let mut every = interval(SHORT);
        loop {
            every.tick().await;
        }
    });
}

#[test]
fn r18_an_interval_that_is_late_as_a_stream() {
    keeps_nobody(async || {
        let mut every = interval(SHORT);
        loop {
            every.next().await;
        }
    });
}

#[test]
fn r18_a_sleep_of_nothing() {
    keeps_nobody(async || {
        loop {
            sleep(Duration::ZERO).await;
        }
    });
}

#[test]
fn r18_a_sleep_until_what_has_passed() {
    keeps_nobody(async || {
        let past = Instant::now();
        loop {
            sleep_until(past).await;
        }
    });
}

#[test]
fn r18_a_sleep_that_is_awaited_again() {
    keeps_nobody(async || {
        let mut sleep = sleep(Duration::ZERO);
        loop {
            (&mut sleep).await;
        }
    });
}

#[test]
fn r18_a_timeout_of_nothing() {
    keeps_nobody(async || {
        loop {
            assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
        }
    });
}

#[test]
fn r18_a_timeout_that_has_passed() {
    keeps_nobody(async || {
        let past = Instant::now();
        loop {
            assert!(timeout_at(past, pending::<()>()).await.is_err());
        }
    });
}

// --- between tasks of the core ---------------------------------------------------------------

#[test]
fn r18_a_channel() {
    keeps_nobody(async || {
        let (sender, receiver) = channel(1);
        loop {
            sender.send(1).await.expect("it is open");
            assert_eq!(receiver.recv().await, Some(1));
        }
    });
}

#[test]
fn r18_a_channel_as_a_stream() {
    keeps_nobody(async || {
        let (sender, mut receiver) = unbounded();
        loop {
            sender.send(1).expect("it is open");
            assert_eq!(receiver.next().await, Some(1));
        }
    });
}

#[test]
fn r18_room_in_a_channel() {
    keeps_nobody(async || {
        let (sender, _receiver) = channel::<u8>(1);
        loop {
            drop(sender.reserve().await.expect("it is open"));
        }
    });
}

#[test]
fn r18_a_channel_that_is_closed() {
    keeps_nobody(async || {
        let (_, receiver) = channel::<u8>(1);
        loop {
            assert_eq!(receiver.recv().await, None);
        }
    });
}

#[test]
fn r18_a_channel_without_a_receiver() {
    keeps_nobody(async || {
        let (sender, _) = channel(1);
        loop {
            sender.send(1).await.expect_err("it is closed");
        }
    });
}

#[test]
fn r18_a_semaphore() {
    keeps_nobody(async || {
        let semaphore = Semaphore::new(3);
        loop {
            drop(semaphore.acquire().await);
            drop(semaphore.acquire_many(2).await);
        }
    });
}

#[test]
fn r18_a_semaphore_with_permits_to_keep() {
    keeps_nobody(async || {
        let semaphore = Rc::new(Semaphore::new(1));
        loop {
            drop(semaphore.acquire_owned().await);
        }
    });
}

#[test]
fn r18_a_mutex() {
    keeps_nobody(async || {
        let mutex = Mutex::new(0_u64);
        loop {
            *mutex.lock().await += 1;
        }
    });
}

#[test]
fn r18_a_lock_to_read_and_write() {
    keeps_nobody(async || {
        let lock = RwLock::new(0_u64);
        loop {
            let seen = *lock.read().await;
            *lock.write().await = seen + 1;
        }
    });
}

#[test]
fn r18_a_notification() {
    keeps_nobody(async || {
        let notify = Notify::new();
        loop {
            notify.notify_one();
            notify.notified().await;
        }
    });
}

#[test]
fn r18_a_barrier_for_one() {
    keeps_nobody(async || {
        let barrier = Barrier::new(1);
        loop {
            assert!(barrier.wait().await.is_leader());
        }
    });
}

#[test]
fn r18_one_message() {
    keeps_nobody(async || {
        loop {
            let (sender, receiver) = oneshot();
            sender.send(1).expect("it listens");
            assert_eq!(receiver.await, Ok(1));
        }
    });
}

#[test]
fn r18_one_message_that_will_not_come() {
    keeps_nobody(async || {
        let (_, mut receiver) = oneshot::<u8>();
        loop {
            (&mut receiver).await.expect_err("there is no sender");
        }
    });
}

#[test]
fn r18_one_message_for_nobody() {
    keeps_nobody(async || {
        let (mut sender, _) = oneshot::<u8>();
        loop {
            sender.closed().await;
        }
    });
}

// --- between threads -------------------------------------------------------------------------

#[test]
fn r18_a_remote_channel_that_two_threads_keep_full() {
    keeps_nobody(async || {
        let (sender, receiver) = remote::channel(64);
        for _ in 0..2 {
            let sender = sender.clone();
            // Ends when the receiver does.
            thread::spawn(move || while sender.send_blocking(1).is_ok() {});
        }
        loop {
            assert_eq!(receiver.recv().await, Some(1));
        }
    });
}

#[test]
fn r18_a_remote_channel_as_a_stream() {
    keeps_nobody(async || {
        let (sender, mut receiver) = remote::channel(64);
        thread::spawn(move || while sender.send_blocking(1).is_ok() {});
        loop {
            assert_eq!(receiver.next().await, Some(1));
        }
    });
}

#[test]
fn r18_a_remote_channel() {
    keeps_nobody(async || {
        let (sender, receiver) = remote::channel(1);
        loop {
            sender.send(1).await.expect("it is open");
            assert_eq!(receiver.recv().await, Some(1));
            drop(sender.reserve().await.expect("it is open"));
        }
    });
}

#[test]
fn r18_a_remote_channel_that_is_closed() {
    keeps_nobody(async || {
        let (_, receiver) = remote::channel::<u8>(1);
        loop {
            assert_eq!(receiver.recv().await, None);
        }
    });
}

#[test]
fn r18_a_remote_channel_without_a_receiver() {
    keeps_nobody(async || {
        let (sender, _) = remote::channel(1);
        loop {
            sender.send(1).await.expect_err("it is closed");
        }
    });
}

#[test]
fn r18_one_remote_message() {
    keeps_nobody(async || {
        loop {
            let (sender, receiver) = remote::oneshot();
            sender.send(1).expect("it listens");
            assert_eq!(receiver.await, Ok(1));
        }
    });
}

#[test]
fn r18_one_remote_message_that_will_not_come() {
    keeps_nobody(async || {
        let (_, mut receiver) = remote::oneshot::<u8>();
        loop {
            (&mut receiver).await.expect_err("there is no sender");
        }
    });
}

#[test]
fn r18_one_remote_message_for_nobody() {
    keeps_nobody(async || {
        let (mut sender, _) = remote::oneshot::<u8>();
        loop {
            sender.closed().await;
        }
    });
}

/// Work that takes longer than its period: it is not done as often as there are awaits in a turn.
#[test]
fn r18_an_interval_whose_work_takes_longer() {
    watched(|| {
        let (rounds, ticks) = (20, Cell::new(0));
        let result: io::Result<()> = nestling::block_on(nursery(async |n| {
            n.spawn(async {
                let mut every = interval(SHORT);
                loop {
                    every.tick().await;
                    ticks.set(ticks.get() + 1);
                    let begun = Instant::now();
                    while begun.elapsed() < Duration::from_millis(2) {}
                }
            });
            for _ in 0..rounds {
                turn().await;
            }
            n.cancel();
            Ok(())
        }));
        result.expect("nothing fails");
        // An operation takes a few turns, and what is late goes on for a moment in each.
        assert!(ticks.get() <= 10 * rounds, "{} ticks in {rounds} rounds", ticks.get());
    });
}
