//! Rule 19: what is handed over goes past those who are cancelled, to the first who is not.

use crate::support::{poll_once, turn, watched};
use crate::tested::channel;
use crate::wait::at_once;
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::sync::{Mutex, Notify, RwLock, Semaphore};
use nestling::task::yield_now;
use nestling::{Cancelled, Canceller, nursery, shield, timeout};
use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// What was handed over, for as long as it is kept.
type Kept = Box<dyn Debug>;

/// One kind of thing to wait for, of which there is nothing yet.
struct Thing {
    name: &'static str,
    wait: Box<dyn Fn() -> LocalBoxFuture<'static, Kept>>,
    /// Hands over enough for one who waits.
    hand: Box<dyn Fn()>,
}

fn thing<W: Future<Output: Debug + 'static> + 'static>(
    name: &'static str,
    wait: impl Fn() -> W + 'static,
    hand: impl Fn() + 'static,
) -> Thing {
    let wait = move || {
        let wait = wait();
        async move { Box::new(wait.await) as Kept }.boxed_local()
    };
    Thing { name, wait: Box::new(wait), hand: Box::new(hand) }
}

/// A test may leak the little that it makes.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Every kind, those of several permits as well. Each `hand` may be called once at least.
fn things() -> Vec<Thing> {
    let semaphore = leak(Semaphore::new(0));
    let many = leak(Semaphore::new(0));
    let owned = leak(Rc::new(Semaphore::new(0)));
    let notify = leak(Notify::new());
    let (mutex, read, write) = (leak(Mutex::new(())), leak(RwLock::new(())), leak(RwLock::new(())));
    let locked = Cell::new(mutex.try_lock());
    let (reads, writes) = (Cell::new(read.try_write()), Cell::new(write.try_write()));
    let (messages, inbox) = leak(channel(1 << 20));
    let (full, outbox) = leak(channel(1));
    let (reserved, drain) = leak(channel(1));
    full.try_send(0).expect("room");
    reserved.try_send(0).expect("room");
    vec![
        thing("semaphore", || semaphore.acquire(), || semaphore.add_permits(1)),
        thing("many permits", || many.acquire_many(3), || many.add_permits(3)),
        thing("owned permit", || owned.acquire_owned(), || owned.add_permits(1)),
        thing("notify", || notify.notified(), || notify.notify_one()),
        thing("mutex", || mutex.lock(), move || drop(locked.take())),
        thing("read lock", || read.read(), move || drop(reads.take())),
        thing("write lock", || write.write(), move || drop(writes.take())),
        thing("receive", || inbox.recv(), || messages.try_send(7).expect("room")),
        thing("send", || full.send(1), || assert_eq!(outbox.try_recv(), Ok(0))),
        thing("reserve", || reserved.reserve(), || assert_eq!(drain.try_recv(), Ok(0))),
    ]
}

/// Those who were served, in that order, and what they were handed.
#[derive(Default)]
struct Served(RefCell<Vec<(usize, Kept)>>);

impl Served {
    async fn wait(&self, number: usize, thing: &Thing) {
        let kept = (thing.wait)().await;
        self.0.borrow_mut().push((number, kept));
        // Its next wait: for one that is cancelled the end.
        yield_now().await;
    }

    fn numbers(&self) -> Vec<usize> {
        self.0.borrow().iter().map(|(number, _)| *number).collect()
    }
}

/// Ends a shield, also when the test fails.
pub(crate) struct Opens<'a>(pub(crate) &'a Notify);

impl Drop for Opens<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Runs a test with every kind of thing, each in a runtime of its own.
fn with_each(test: impl AsyncFn(&Thing, &Served)) {
    watched(|| {
        for thing in things() {
            println!("{}", thing.name);
            nestling::block_on(test(&thing, &Served::default()));
        }
    });
}

#[test]
fn r19_past_one_that_its_handle_has_cancelled() {
    with_each(async |thing, served| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let cancelled = n.spawn(served.wait(0, thing));
            n.spawn(served.wait(1, thing));
            turn().await;
            cancelled.cancel();
            (thing.hand)();
            Ok(())
        })
        .await;
        assert_eq!((result, served.numbers()), (Ok(()), vec![1]), "{}", thing.name);
    });
}

#[test]
fn r19_past_one_whose_nursery_is_cancelled() {
    with_each(async |thing, served| {
        let inner = RefCell::new(None::<Canceller>);
        let result: Result<(), Cancelled> = nursery(async |n| {
            n.spawn(async {
                let _: Result<(), Cancelled> = nursery(async |n| {
                    inner.replace(Some(n.canceller()));
                    n.spawn(served.wait(0, thing));
                    served.wait(1, thing).await;
                    Ok(())
                })
                .await;
            });
            turn().await;
            n.spawn(served.wait(2, thing));
            turn().await;
            inner.take().expect("it is open").cancel();
            (thing.hand)();
            Ok(())
        })
        .await;
        assert_eq!((result, served.numbers()), (Ok(()), vec![2]), "{}", thing.name);
    });
}

/// The wait is kept beside a shield, in a timeout that is over.
#[test]
fn r19_past_one_whose_time_is_up() {
    with_each(async |thing, served| {
        let (up, over) = (Notify::new(), Notify::new());
        let result: Result<(), Cancelled> = nursery(async |n| {
            let opens = Opens(&over);
            n.spawn(async {
                let work = join(served.wait(0, thing), shield(over.notified()));
                let watch = async {
                    nestling::cancelled().await;
                    up.notify_one();
                };
                let timed = timeout(Duration::from_millis(1), join(work, watch)).await;
                assert!(timed.is_err());
            });
            turn().await;
            n.spawn(served.wait(1, thing));
            up.notified().await;
            (thing.hand)();
            turn().await;
            assert_eq!(served.numbers(), [1], "{}", thing.name);
            drop(opens);
            Ok(())
        })
        .await;
        assert_eq!((result, served.numbers()), (Ok(()), vec![1]), "{}", thing.name);
    });
}

/// Nor does it get what is handed over while it is kept, turn after turn.
#[test]
fn r19_past_one_that_is_cancelled_and_kept() {
    with_each(async |thing, served| {
        let over = Notify::new();
        let result: Result<(), Cancelled> = nursery(async |n| {
            let opens = Opens(&over);
            let cancelled = n.spawn(join(served.wait(0, thing), shield(over.notified())).map(drop));
            turn().await;
            cancelled.cancel();
            turn().await;
            n.spawn(served.wait(1, thing));
            turn().await;
            (thing.hand)();
            turn().await;
            assert_eq!(served.numbers(), [1], "{}", thing.name);
            drop(opens);
            Ok(())
        })
        .await;
        assert_eq!((result, served.numbers()), (Ok(()), vec![1]), "{}", thing.name);
    });
}

#[test]
fn r19_to_one_behind_a_shield() {
    with_each(async |thing, served| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let shielded = n.spawn(shield(served.wait(0, thing)));
            let other = n.spawn(served.wait(1, thing));
            turn().await;
            shielded.cancel();
            (thing.hand)();
            turn().await;
            other.cancel();
            Ok(())
        })
        .await;
        // Who reads lets others read as well.
        let expected = if thing.name == "read lock" { vec![0, 1] } else { vec![0] };
        assert_eq!((result, served.numbers()), (Ok(()), expected), "{}", thing.name);
    });
}

/// What was handed over before the cancel is delivered, and goes to no other task.
#[test]
fn r19_to_one_that_was_served_before_the_cancel() {
    with_each(async |thing, served| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let cancelled = n.spawn(served.wait(0, thing));
            let other = n.spawn(served.wait(1, thing));
            turn().await;
            (thing.hand)();
            cancelled.cancel();
            turn().await;
            other.cancel();
            Ok(())
        })
        .await;
        // Who reads lets others read as well.
        let expected = if thing.name == "read lock" { vec![0, 1] } else { vec![0] };
        assert_eq!((result, served.numbers()), (Ok(()), expected), "{}", thing.name);
    });
}

/// No task is left to serve: it is there for the next, which need not wait.
#[test]
fn r19_past_all_to_the_next_who_comes() {
    with_each(async |thing, served| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let cancelled: Vec<_> =
                (0..3).map(|number| n.spawn(served.wait(number, thing))).collect();
            turn().await;
            cancelled.iter().for_each(|handle| handle.cancel());
            (thing.hand)();
            // In this turn still, while they stand in line; and no task comes before it.
            served.0.borrow_mut().push((3, at_once((thing.wait)())));
            Ok(())
        })
        .await;
        assert_eq!((result, served.numbers()), (Ok(()), vec![3]), "{}", thing.name);
    });
}

#[test]
fn r19_past_a_thousand_in_the_order_of_those_who_stay() {
    with_each(async |thing, served| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let cancelled: Vec<_> =
                (0..1000).map(|number| n.spawn(served.wait(number, thing))).collect();
            n.spawn(served.wait(1000, thing));
            n.spawn(served.wait(1001, thing));
            turn().await;
            cancelled.iter().for_each(|handle| handle.cancel());
            (thing.hand)();
            turn().await;
            // The second is served with the first, by a lock that both may have, and else after it.
            let expected = if thing.name == "read lock" { vec![1000, 1001] } else { vec![1000] };
            assert_eq!(served.numbers(), expected, "{}", thing.name);
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn r19_in_order_past_every_second() {
    with_each(async |thing, served| {
        if ["mutex", "read lock", "write lock", "send", "reserve"].contains(&thing.name) {
            return; // of these there is one only
        }
        let result: Result<(), Cancelled> = nursery(async |n| {
            let all: Vec<_> = (0..40).map(|number| n.spawn(served.wait(number, thing))).collect();
            turn().await;
            all.iter().step_by(2).for_each(|handle| handle.cancel());
            let live = if thing.name == "notify" { 1 } else { 20 };
            (0..live).for_each(|_| (thing.hand)());
            turn().await;
            let expected: Vec<_> = (0..live).map(|number| 2 * number + 1).collect();
            assert_eq!(served.numbers(), expected, "{}", thing.name);
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

/// The first wait of a task that is cancelled stands in no task's way, in a foreign combinator
/// neither.
#[test]
fn r19_past_one_in_a_foreign_combinator() {
    with_each(async |thing, served| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let cancelled = n.spawn(async {
                let mut waits = FuturesUnordered::from_iter([served.wait(0, thing)]);
                waits.next().await;
            });
            turn().await;
            n.spawn(served.wait(1, thing));
            turn().await;
            cancelled.cancel();
            (thing.hand)();
            Ok(())
        })
        .await;
        assert_eq!((result, served.numbers()), (Ok(()), vec![1]), "{}", thing.name);
    });
}

/// A future that was passed over in a timeout, and is awaited again outside of it, comes before
/// those who came later, and misses nothing.
#[test]
fn r19_one_that_leaves_the_cancelled_scope_is_in_line_again() {
    with_each(async |thing, served| {
        let (up, over) = (Notify::new(), Notify::new());
        let result: Result<(), Cancelled> = nursery(async |n| {
            let opens = Opens(&over);
            n.spawn(async {
                let mut wait = pin!((thing.wait)());
                let watch = async {
                    nestling::cancelled().await;
                    up.notify_one();
                    shield(over.notified()).await;
                };
                let timed = timeout(Duration::from_millis(1), join(wait.as_mut(), watch)).await;
                assert!(timed.is_err());
                let kept = wait.await;
                served.0.borrow_mut().push((0, kept));
            });
            up.notified().await;
            // Past it, and no other task waits yet.
            (thing.hand)();
            turn().await;
            assert!(served.numbers().is_empty());
            drop(opens);
            turn().await;
            Ok(())
        })
        .await;
        assert_eq!((result, served.numbers()), (Ok(()), vec![0]), "{}", thing.name);
    });
}

/// The scope in which it was polled has closed, and it was not polled since: it is still in line.
#[test]
fn r19_one_whose_cancelled_scope_has_closed_keeps_its_place() {
    with_each(async |thing, served| {
        let mut wait = pin!((thing.wait)());
        assert!(timeout(Duration::from_millis(1), wait.as_mut()).await.is_err());
        let later = nursery(async |n| {
            n.spawn(served.wait(1, thing));
            turn().await;
            (thing.hand)();
            turn().await;
            let expected = if thing.name == "read lock" { vec![1] } else { vec![] };
            assert_eq!(served.numbers(), expected, "{}", thing.name);
            assert!(wait.as_mut().now_or_never().is_some(), "{}", thing.name);
            n.cancel();
            Ok(())
        });
        let result: Result<(), Cancelled> = later.await;
        assert_eq!(result, Ok(()));
    });
}

#[test]
fn r19_one_that_comes_back_is_before_those_who_came_later() {
    watched(|| {
        nestling::block_on(async {
            let semaphore = Semaphore::new(0);
            let (up, over) = (Notify::new(), Notify::new());
            let order = RefCell::new(Vec::new());
            let wait = async |number| {
                semaphore.acquire().await.forget();
                order.borrow_mut().push(number);
            };
            let result: Result<(), Cancelled> = nursery(async |n| {
                let opens = Opens(&over);
                n.spawn(async {
                    let (mut first, mut second) = (pin!(wait(0)), pin!(wait(1)));
                    let watch = async {
                        nestling::cancelled().await;
                        up.notify_one();
                        shield(over.notified()).await;
                    };
                    let both = join(first.as_mut(), second.as_mut());
                    let timed = timeout(Duration::from_millis(1), join(both, watch)).await;
                    assert!(timed.is_err());
                    join(first, second).await;
                });
                turn().await;
                (2..5).for_each(|number| drop(n.spawn(wait(number))));
                up.notified().await;
                semaphore.add_permits(1);
                turn().await;
                assert_eq!(*order.borrow(), [2]);
                drop(opens);
                turn().await;
                semaphore.add_permits(4);
                Ok(())
            })
            .await;
            assert_eq!((result, order.take()), (Ok(()), vec![2, 0, 1, 3, 4]));
        });
    });
}

/// A future that tasks share, and that the cancelled one has polled last, is the others' still.
#[test]
fn r19_a_shared_wait_is_not_lost_with_the_cancelled_one() {
    with_each(async |thing, served| {
        let wait = (thing.wait)().map(Rc::new).shared();
        let result: Result<(), Cancelled> = nursery(async |n| {
            let take = async || {
                let kept = wait.clone().await;
                served.0.borrow_mut().push((0, Box::new(kept)));
            };
            n.spawn(take());
            turn().await;
            let cancelled = n.spawn(take());
            turn().await;
            // So that it is the last which has polled it.
            let mut wake = pin!(wait.clone());
            assert!(poll_once(wake.as_mut()).await.is_pending());
            cancelled.cancel();
            (thing.hand)();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
        assert_eq!(served.numbers().first(), Some(&0), "{}", thing.name);
    });
}

/// Cancelled, one that waited takes nothing in its last poll, although there is something now.
#[test]
fn r19_the_last_poll_takes_nothing() {
    with_each(async |thing, served| {
        let result: Result<(), Cancelled> = nursery(async |n| {
            let cancelled = n.spawn(served.wait(0, thing));
            turn().await;
            cancelled.cancel();
            (thing.hand)();
            let _ = timeout(LONG, cancelled).await;
            served.0.borrow_mut().push((1, at_once((thing.wait)())));
            Ok(())
        })
        .await;
        assert_eq!((result, served.numbers()), (Ok(()), vec![1]), "{}", thing.name);
    });
}
