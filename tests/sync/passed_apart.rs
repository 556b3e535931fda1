//! Rule 19 where each primitive has its own: permits by the number, what is tried, words to all,
//! barriers, the end of a channel.

use crate::passed_over::Opens;
use crate::support::{poll_once, turn, watched};
use crate::tested::channel;
use crate::wait::{Wait, at_once};
use futures_util::FutureExt;
use futures_util::future::join;
use nestling::sync::{Barrier, Notify, RwLock, Semaphore};
use nestling::{Cancelled, nursery, shield, timeout};
use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// One that wants more than there is holds up those behind it, but not once it is cancelled.
#[test]
fn r19_a_big_one_that_is_cancelled_holds_up_nobody() {
    watched(|| {
        nestling::block_on(async {
            let semaphore = Semaphore::new(2);
            let (served, over) = (Cell::new(0), Notify::new());
            let result: Result<(), Cancelled> = nursery(async |n| {
                let opens = Opens(&over);
                let big = n.spawn(async {
                    let _held = join(semaphore.acquire_many(3), shield(over.notified())).await;
                });
                n.spawn(async {
                    semaphore.acquire().await.forget();
                    served.set(served.get() + 1);
                });
                turn().await;
                assert_eq!(served.get(), 0);
                big.cancel();
                // The small one is served first: it has waited.
                assert!(semaphore.try_acquire_many(2).is_none());
                turn().await;
                assert_eq!((served.get(), semaphore.available()), (1, 1));
                assert!(semaphore.try_acquire().is_some(), "nobody else waits");
                drop(opens);
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
        });
    });
}

#[test]
fn r19_what_is_tried_finds_nobody_in_its_way() {
    watched(|| {
        nestling::block_on(async {
            let semaphore = Rc::new(Semaphore::new(1));
            let (lock, reading) = (RwLock::new(()), Cell::new(None));
            reading.set(lock.try_read());
            let result: Result<(), Cancelled> = nursery(async |n| {
                let big = n.spawn(async { semaphore.acquire_many(7).await.forget() });
                let writer = n.spawn(async { drop(lock.write().await) });
                turn().await;
                assert!(semaphore.try_acquire().is_none() && lock.try_read().is_none());
                big.cancel();
                writer.cancel();
                assert!(semaphore.try_acquire().is_some() && lock.try_read().is_some());
                assert!(semaphore.try_acquire_owned().is_some());
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
            let (sender, receiver) = channel(1);
            sender.try_send(1).expect("room");
            let result: Result<(), Cancelled> = nursery(async |n| {
                let sends = n.spawn(async { sender.send(2).await.unwrap_or(()) });
                turn().await;
                sends.cancel();
                assert_eq!(receiver.try_recv(), Ok(1));
                sender.try_send(3).expect("the room is for nobody else");
                assert_eq!(receiver.try_recv(), Ok(3));
                let receives = n.spawn(async { receiver.recv().await.map_or((), |_| ()) });
                turn().await;
                receives.cancel();
                sender.try_send(4).expect("room");
                assert_eq!(receiver.try_recv(), Ok(4));
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
        });
    });
}

/// Word to all: one that is cancelled does not act on it, and one that has left what was cancelled
/// has not missed it.
#[test]
fn r19_a_notification_of_all() {
    watched(|| {
        nestling::block_on(async {
            let notify = Notify::new();
            let (up, over) = (Notify::new(), Notify::new());
            let told = RefCell::new(Vec::new());
            let hear = async |number| {
                notify.notified().await;
                told.borrow_mut().push(number);
            };
            let result: Result<(), Cancelled> = nursery(async |n| {
                let opens = Opens(&over);
                let cancelled = n.spawn(hear(0));
                n.spawn(hear(1));
                n.spawn(async {
                    let mut hears = pin!(hear(2));
                    let watch = async {
                        nestling::cancelled().await;
                        up.notify_one();
                        shield(over.notified()).await;
                    };
                    let timed = timeout(Duration::from_millis(1), join(hears.as_mut(), watch));
                    assert!(timed.await.is_err());
                    hears.await;
                });
                up.notified().await;
                cancelled.cancel();
                notify.notify_all();
                turn().await;
                assert_eq!(*told.borrow(), [1]);
                drop(opens);
                Ok(())
            })
            .await;
            assert_eq!((result, told.take()), (Ok(()), vec![1, 2]));
            // Nothing of it is kept for those who come later.
            drop(Wait::new(notify.notified()));
        });
    });
}

#[test]
fn r19_a_notification_that_finds_only_cancelled_ones_is_kept() {
    watched(|| {
        nestling::block_on(async {
            let notify = Notify::new();
            let result: Result<(), Cancelled> = nursery(async |n| {
                let cancelled = n.spawn(notify.notified());
                turn().await;
                cancelled.cancel();
                notify.notify_one();
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
            at_once(notify.notified());
            drop(Wait::new(notify.notified()));
        });
    });
}

/// No task is let go for the sake of a task that will not go on.
#[test]
fn r19_a_barrier_does_not_count_the_cancelled() {
    watched(|| {
        nestling::block_on(async {
            let (barrier, passed) = (Barrier::new(3), RefCell::new(Vec::new()));
            let meet = async |number| {
                barrier.wait().await;
                passed.borrow_mut().push(number);
            };
            let result: Result<(), Cancelled> = nursery(async |n| {
                n.spawn(meet(0));
                let cancelled = n.spawn(meet(1));
                turn().await;
                cancelled.cancel();
                // In this turn still, while that one stands in line.
                let mut third = pin!(meet(2));
                assert!(poll_once(third.as_mut()).await.is_pending());
                n.spawn(meet(3));
                third.await;
                Ok(())
            })
            .await;
            passed.borrow_mut().sort_unstable();
            assert_eq!((result, passed.take()), (Ok(()), vec![0, 2, 3]));
        });
    });
}

#[test]
fn r19_a_barrier_counts_one_that_comes_back() {
    watched(|| {
        nestling::block_on(async {
            let barrier = Barrier::new(2);
            let (up, over) = (Notify::new(), Notify::new());
            let result: Result<(), Cancelled> = nursery(async |n| {
                let opens = Opens(&over);
                let back = n.spawn(async {
                    let mut wait = pin!(barrier.wait());
                    let watch = async {
                        nestling::cancelled().await;
                        up.notify_one();
                        shield(over.notified()).await;
                    };
                    let timed = timeout(Duration::from_millis(1), join(wait.as_mut(), watch));
                    assert!(timed.await.is_err());
                    Ok(wait.await.is_leader())
                });
                up.notified().await;
                let other = n.spawn(async { Ok(barrier.wait().await.is_leader()) });
                turn().await;
                assert!(!other.is_finished(), "the other one does not count");
                drop(opens);
                assert_eq!((back.await?, other.await?), (true, false));
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
        });
    });
}

/// The end of a channel is told to those who can act on it.
#[test]
fn r19_a_close_is_for_those_who_are_not_cancelled() {
    watched(|| {
        nestling::block_on(async {
            let (sender, receiver) = channel::<u8>(1);
            let told = RefCell::new(Vec::new());
            let receive = async |number| {
                assert_eq!(receiver.recv().await, None);
                told.borrow_mut().push(number);
            };
            let result: Result<(), Cancelled> = nursery(async |n| {
                let cancelled = n.spawn(receive(0));
                n.spawn(receive(1));
                turn().await;
                cancelled.cancel();
                drop(sender);
                Ok(())
            })
            .await;
            assert_eq!((result, told.take()), (Ok(()), vec![1]));
        });
    });
}

/// A hundred thousand are passed over once, not with each message.
#[test]
fn r19_a_hundred_thousand_are_passed_over_once() {
    const MANY: usize = 100_000;
    watched(|| {
        let (sender, receiver) = channel(1 << 20);
        let received = Cell::new(0);
        let over = Notify::new();
        let result: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
            let kept = nursery(async |inner| {
                let opens = Opens(&over);
                for _ in 0..MANY {
                    inner.spawn(async { receiver.recv().await.map_or((), |_| ()) });
                }
                // It waits beside them, and is cancelled with them, but kept.
                inner.spawn(join(receiver.recv().map(drop), shield(over.notified())).map(drop));
                turn().await;
                n.spawn(async {
                    while received.get() < MANY {
                        receiver.recv().await.expect("open");
                        received.set(received.get() + 1);
                    }
                });
                turn().await;
                inner.cancel();
                (0..MANY).for_each(|number| sender.try_send(number).expect("room"));
                shield(turn()).await;
                drop(opens);
                Ok(())
            });
            let result: Result<(), Cancelled> = kept.await;
            result
        }));
        assert_eq!((result, received.get()), (Ok(()), MANY));
    });
}
