//! R5 inside foreign combinators: a future that was woken there is polled before its task, or the
//! part of the task that it waits in, is cut; one that nothing polls keeps neither.

use crate::support::nurseries::{Count, E, listener, never, run, settle};
use futures_util::future::{FutureExt, LocalBoxFuture, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::net::TcpListener;
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{cancelled, finally, nursery, shield, timeout};
use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::{Poll, Waker};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(5);

/// A nursery with one child, cancelled once that waits.
async fn cancelled_child(child: impl Future<Output = ()>) {
    let result = nursery(async |n| {
        n.spawn(child);
        settle().await;
        n.cancel();
        Ok::<_, E>(())
    });
    assert_eq!(result.await, Ok(()));
}

/// Wakes itself all the time.
async fn spin() {
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })
    .await;
}

/// Runs a future in a set behind others that spin: that ends its own poll early.
async fn behind_spinners(spinners: usize, future: LocalBoxFuture<'_, ()>) {
    let mut set = FuturesUnordered::from_iter([future]);
    set.extend((0..spinners).map(|_| spin().boxed_local()));
    while set.next().await.is_some() {}
}

/// How often `count` was told, by a child behind so many others that spin.
fn counted_behind(
    spinners: usize,
    child: for<'a> fn(&'a Count, &'a TcpListener) -> LocalBoxFuture<'a, ()>,
) -> u64 {
    run(async move || {
        let (quiet, count) = (listener().await, Count::default());
        cancelled_child(behind_spinners(spinners, child(&count, &quiet))).await;
        count.get()
    })
}

#[test]
fn r05_an_answer_behind_others_is_taken() {
    for spinners in [2, 100] {
        let told = counted_behind(spinners, |count, quiet| {
            async { count.add_if(never(quiet).await == Err(E::Cancelled)) }.boxed_local()
        });
        assert_eq!(told, 1, "{spinners}");
    }
}

#[test]
fn r05_a_cancel_behind_others_is_heard() {
    for spinners in [2, 100] {
        let told = counted_behind(spinners, |count, _| {
            async {
                cancelled().await;
                count.one();
            }
            .boxed_local()
        });
        assert_eq!(told, 1, "{spinners}");
    }
}

#[test]
fn r05_a_shield_behind_others_ends() {
    for spinners in [2, 100] {
        let told = counted_behind(spinners, |count, _| {
            async {
                shield(sleep(SOON)).await;
                count.one();
            }
            .boxed_local()
        });
        assert_eq!(told, 1, "{spinners}");
    }
}

#[test]
fn r05_a_clean_up_behind_others_runs() {
    for spinners in [2, 100] {
        let told = counted_behind(spinners, |count, quiet| {
            async { _ = finally(never(quiet), async |_| count.one()).await }.boxed_local()
        });
        assert_eq!(told, 1, "{spinners}");
    }
}

/// Polls a set with a shield in it, until that stands aside.
async fn leave_a_shield(quiet: &TcpListener) {
    let mut set = FuturesUnordered::from_iter([shield(sleep(LONG))]);
    let _ = select(set.next(), pin!(never(quiet))).await;
    sleep(LONG).await;
    drop(set);
}

#[test]
fn r05_a_shield_aside_keeps_no_timeout() {
    run(async || {
        let quiet = listener().await;
        assert!(timeout(SOON, leave_a_shield(&quiet)).await.is_err());
    });
}

#[test]
fn r05_a_shield_aside_keeps_no_work_from_its_clean_up() {
    run(async || {
        let (quiet, cleaned) = (listener().await, Count::default());
        cancelled_child(finally(leave_a_shield(&quiet), async |_| cleaned.one())).await;
        assert_eq!(cleaned.get(), 1);
    });
}

/// The same where nothing but the clean-up's own place in a set polls it.
#[test]
fn r05_a_shield_aside_in_a_set_keeps_no_work_from_its_clean_up() {
    run(async || {
        let (quiet, cleaned) = (listener().await, Count::default());
        cancelled_child(async {
            let work = finally(leave_a_shield(&quiet), async |_| cleaned.one());
            FuturesUnordered::from_iter([work]).next().await;
        })
        .await;
        assert_eq!(cleaned.get(), 1);
    });
}

/// Waits beside an operation that it has polled once, and does not poll again.
async fn beside_an_operation(quiet: &TcpListener) {
    let mut operation = Box::pin(never(quiet));
    assert!(operation.as_mut().now_or_never().is_none());
    sleep(LONG).await;
}

#[test]
fn r05_a_timeout_in_a_set_elapses_after_its_last_operation() {
    run(async || {
        let quiet = listener().await;
        let mut set = FuturesUnordered::from_iter([timeout(SOON, beside_an_operation(&quiet))]);
        assert!(set.next().await.expect("one").is_err());
    });
}

#[test]
fn r05_a_clean_up_in_a_set_runs_after_the_last_operation() {
    for spinners in [0, 2, 100] {
        let told = counted_behind(spinners, |count, quiet| {
            let work = beside_an_operation(quiet);
            async { finally(work, async |_| count.one()).await }.boxed_local()
        });
        assert_eq!(told, 1, "{spinners}");
    }
}

/// Polls a set with so many shields in it, which stands aside from the moment of the cancel on.
async fn leave_when_cancelled(shields: usize) {
    let mut set: FuturesUnordered<_> = (0..shields).map(|_| shield(sleep(LONG))).collect();
    let _ = select(set.next(), pin!(cancelled())).await;
    sleep(LONG).await;
    drop(set);
}

#[test]
fn r05_shields_that_stand_aside_at_once_keep_nothing() {
    for shields in [1, 2, 100] {
        run(async move || cancelled_child(leave_when_cancelled(shields)).await);
        run(async move || {
            assert!(timeout(SOON, leave_when_cancelled(shields)).await.is_err());
        });
        let cleaned = run(async move || {
            let cleaned = Count::default();
            let work = leave_when_cancelled(shields);
            cancelled_child(finally(work, async |_| cleaned.one())).await;
            cleaned.get()
        });
        assert_eq!(cleaned, 1, "{shields}");
    }
}

/// A set stands aside after each step of what else the task does.
#[test]
fn r05_shields_that_stand_aside_after_some_steps_keep_nothing() {
    for (shields, steps) in [1, 2, 100].into_iter().flat_map(|n| (0..8).map(move |k| (n, k))) {
        run(async move || {
            cancelled_child(async {
                let mut set: FuturesUnordered<_> =
                    (0..shields).map(|_| shield(sleep(LONG))).collect();
                let mut step = pin!(async {
                    cancelled().await;
                    for _ in 0..steps {
                        shield(yield_now()).await;
                    }
                });
                let _ = select(set.next(), step.as_mut()).await;
                sleep(LONG).await;
                drop(set);
            })
            .await;
        });
    }
}

/// Something foreign that happens once.
#[derive(Default)]
struct Happens(Cell<bool>, Cell<Option<Waker>>);

impl Happens {
    fn now(&self) {
        self.0.set(true);
        self.1.take().into_iter().for_each(Waker::wake);
    }

    async fn happened(&self) {
        poll_fn(|cx| {
            self.1.set(Some(cx.waker().clone()));
            if self.0.get() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// A set with a shield is polled, and set aside in the same poll: the shield in it does not keep
/// the task, whenever that happens.
#[test]
fn r05_a_set_that_is_set_aside_in_the_poll_that_asks_keeps_nothing() {
    for number in 0..32 {
        run(async move || {
            let (happens, polls, other) = (Happens::default(), Count::default(), Cell::new(false));
            let result = nursery(async |n| {
                n.spawn(async {
                    let mut set = FuturesUnordered::from_iter([shield(pending::<()>())]);
                    let happened = pin!(happens.happened());
                    let mut first = select(set.next(), happened);
                    poll_fn(|cx| {
                        polls.one();
                        first.poll_unpin(cx).map(drop)
                    })
                    .await;
                    other.set(true);
                    pending::<()>().await;
                });
                n.spawn(shield(async {
                    // From when it is cancelled on, so many polls later.
                    while !n.is_cancelled() {
                        yield_now().await;
                    }
                    let since = polls.get();
                    for _ in 0..100 {
                        if polls.get() >= since + number {
                            break;
                        }
                        yield_now().await;
                    }
                    happens.now();
                }));
                settle().await;
                n.cancel();
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            assert!(other.get(), "it was set aside");
        });
    }
}
