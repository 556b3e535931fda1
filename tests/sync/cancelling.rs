//! Drop points: what a cancelled scope gets, and what timeouts and cut children leave behind.

use crate::support::{turn, watched};
use crate::tested::{channel, oneshot, unbounded};
use crate::wait::at_once;
use futures_util::StreamExt;
use nestling::sync::{Barrier, Mutex, Notify, RwLock, Semaphore};
use nestling::time::sleep;
use nestling::{Cancelled, nursery, shield, timeout};
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(1);

/// Whether an await that begins in a cancelled scope returns.
async fn returns<F: Future>(wait: F) -> bool {
    let returned = Cell::new(false);
    let result = nursery(async |n| {
        n.cancel();
        wait.await;
        returned.set(true);
        Ok(())
    });
    assert_eq!(result.await, if returned.get() { Ok(()) } else { Err(Cancelled::new()) });
    returned.get()
}

#[test]
fn r07_a_first_poll_in_a_cancelled_scope_takes_nothing() {
    watched(|| {
        nestling::block_on(async {
            let semaphore = Rc::new(Semaphore::new(1));
            assert!(!returns(semaphore.acquire()).await);
            assert!(!returns(semaphore.acquire_owned()).await);
            assert!(semaphore.try_acquire().is_some());

            let (mutex, lock) = (Mutex::new(()), RwLock::new(()));
            assert!(!returns(mutex.lock()).await);
            assert!(!returns(lock.read()).await);
            assert!(!returns(lock.write()).await);
            assert!(mutex.try_lock().is_some() && lock.try_write().is_some());

            let notify = Notify::new();
            notify.notify_one();
            assert!(!returns(notify.notified()).await);
            at_once(notify.notified());

            assert!(!returns(Barrier::new(1).wait()).await);
            let barrier = Barrier::new(2);
            assert!(!returns(barrier.wait()).await);
            let mut wait = Box::pin(barrier.wait());
            assert!(!returns(&mut wait).await, "it was not counted");
        });
    });
}

#[test]
fn r07_a_first_send_or_receive_in_a_cancelled_scope_takes_nothing() {
    watched(|| {
        nestling::block_on(async {
            let (sender, mut receiver) = channel(1);
            assert!(!returns(sender.send(0)).await);
            assert!(!returns(sender.reserve()).await);
            sender.try_send(1).expect("nothing was sent, and no room taken");
            assert!(!returns(receiver.recv()).await);
            assert!(!returns(receiver.next()).await);
            assert_eq!(receiver.try_recv(), Ok(1));
            receiver.close();
            assert!(!returns(receiver.recv()).await, "not even word of the end");
            assert!(!returns(sender.send(2)).await);

            let (sender, mut receiver) = oneshot();
            sender.send(1).expect("the receiver is there");
            assert!(!returns(&mut receiver).await);
            assert_eq!(receiver.try_recv(), Ok(1));
            let (mut sender, receiver) = oneshot::<u8>();
            drop(receiver);
            assert!(!returns(sender.closed()).await);
        });
    });
}

#[test]
fn r07_a_loop_of_ready_receives_ends_with_its_scope() {
    watched(|| {
        let (sender, receiver) = unbounded();
        (0..1000).for_each(|number| sender.send(number).expect("open"));
        let received = Cell::new(0);
        let result = nestling::block_on(nursery(async |n| {
            while let Some(number) = receiver.recv().await {
                received.set(received.get() + 1);
                if number == 9 {
                    n.cancel();
                }
            }
            Ok(())
        }));
        assert_eq!(result, Err(Cancelled::new()));
        assert_eq!((received.get(), receiver.len()), (10, 990));
    });
}

/// Whether a child that waits gets what `hand` hands it, when it is cancelled in the same breath.
async fn hears<F: Future>(wait: F, hand: impl FnOnce()) -> bool {
    let heard = Cell::new(false);
    let result: Result<(), Cancelled> = nursery(async |n| {
        n.spawn(async {
            let _handed = wait.await;
            heard.set(true);
        });
        turn().await;
        hand();
        n.cancel();
        Ok(())
    })
    .await;
    assert_eq!(result, Ok(()));
    heard.get()
}

#[test]
fn r07_what_was_handed_over_before_the_cancel_is_delivered() {
    watched(|| {
        nestling::block_on(async {
            let semaphore = Semaphore::new(0);
            assert!(hears(semaphore.acquire(), || semaphore.add_permits(1)).await);
            assert!(!hears(semaphore.acquire_many(2), || semaphore.add_permits(0)).await);
            assert_eq!(semaphore.available(), 1);

            let mutex = Mutex::new(());
            let guard = mutex.lock().await;
            assert!(hears(mutex.lock(), || drop(guard)).await);
            let lock = RwLock::new(());
            let guard = lock.write().await;
            assert!(hears(lock.read(), || drop(guard)).await);
            assert!(mutex.try_lock().is_some() && lock.try_write().is_some());

            let notify = Notify::new();
            assert!(hears(notify.notified(), || notify.notify_one()).await);
            assert!(hears(notify.notified(), || notify.notify_all()).await);
            assert!(!hears(notify.notified(), || ()).await);

            let (sender, receiver) = channel(1);
            assert!(hears(receiver.recv(), || sender.try_send(1).expect("room")).await);
            sender.try_send(2).expect("room");
            assert!(hears(sender.send(3), || assert_eq!(receiver.try_recv(), Ok(2))).await);
            assert_eq!(receiver.try_recv(), Ok(3));
            assert!(hears(receiver.recv(), || drop(sender)).await);

            let (sender, receiver) = oneshot();
            assert!(hears(receiver, || sender.send(1).expect("open")).await);
            let (sender, receiver) = oneshot::<u8>();
            assert!(hears(receiver, || drop(sender)).await);
        });
    });
}

#[test]
fn a_child_that_is_cut_while_it_waits_leaves_the_line() {
    watched(|| {
        let semaphore = Semaphore::new(1);
        nestling::block_on(async {
            let held = semaphore.acquire().await;
            let result: Result<(), Cancelled> = nursery(async |n| {
                n.spawn(async { drop(semaphore.acquire_many(7).await) });
                turn().await;
                n.cancel();
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
            drop(held);
            drop(semaphore.acquire().await);
        });
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn a_child_that_is_cut_while_it_holds_lets_go() {
    watched(|| {
        let mutex = Mutex::new(1);
        nestling::block_on(async {
            let result: Result<(), Cancelled> = nursery(async |n| {
                n.spawn(async {
                    let _guard = mutex.lock().await;
                    sleep(LONG).await;
                });
                turn().await;
                assert!(mutex.try_lock().is_none());
                n.cancel();
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
        });
        assert!(mutex.try_lock().is_some());
    });
}

#[test]
fn a_timeout_ends_a_wait_and_loses_nothing() {
    watched(|| {
        nestling::block_on(async {
            let (sender, receiver) = channel(1);
            assert!(timeout(SHORT, receiver.recv()).await.is_err());
            sender.send(1).await.expect("open");
            assert!(timeout(SHORT, sender.reserve()).await.is_err());
            assert_eq!(receiver.recv().await, Some(1));
            sender.try_send(2).expect("the room was given back");
            assert!(timeout(LONG, receiver.recv()).await.is_ok_and(|got| got == Some(2)));

            let (sender, mut receiver) = oneshot();
            assert!(timeout(SHORT, &mut receiver).await.is_err());
            sender.send(1).expect("the receiver is there");
            assert_eq!(receiver.await, Ok(1));
        });
    });
}

#[test]
fn r08_behind_a_shield_a_cancelled_task_still_locks_and_sends() {
    watched(|| {
        let (sender, receiver) = channel(1);
        let mutex = Mutex::new(0);
        let result: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
            sender.send(1).await.expect("open");
            n.spawn(async {
                let work = async {
                    *mutex.lock().await += 1;
                    sender.send(2).await.expect("open");
                };
                shield(work).await;
            });
            turn().await;
            n.cancel();
            // In the shield it waits on, and is joined.
            shield(async {
                turn().await;
                assert_eq!(receiver.recv().await, Some(1));
                assert_eq!(receiver.recv().await, Some(2));
            })
            .await;
            Ok(())
        }));
        assert_eq!((result, mutex.into_inner()), (Ok(()), 1));
    });
}
