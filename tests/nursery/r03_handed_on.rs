//! Futures that go on after the scope in which they were begun: the body of a nursery, a child, a
//! shield. What they have opened belongs to the scope around, whose cancel reaches it.

use crate::support::nurseries::{E, Log, listener, never, run, settle, within};
use crate::support::poll_once;
use futures_util::future::{FutureExt, LocalBoxFuture, join};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::net::TcpListener;
use nestling::sync::Notify;
use nestling::task::{spawn_blocking, yield_now};
use nestling::time::sleep;
use nestling::{Runtime, cancelled, finally, nursery, shield, stats, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::RefCell;
use std::future::pending;
use std::pin::pin;
use std::sync::mpsc::channel;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);
const MS: Duration = Duration::from_millis(1);

type Begun<'a> = LocalBoxFuture<'a, ()>;

/// In what an operation waits that is to be told of the cancel.
#[derive(Debug, Clone, Copy)]
enum Waits {
    Itself,
    Set,
    Child,
    Body,
    Timeout,
}

const ALL: [Waits; 5] = [Waits::Itself, Waits::Set, Waits::Child, Waits::Body, Waits::Timeout];

async fn told(quiet: &TcpListener, log: &Log) -> Result<(), E> {
    let answer = never(quiet).await;
    log.say(if answer == Err(E::Cancelled) { "told" } else { "not told" });
    answer
}

async fn wait(waits: Waits, quiet: &TcpListener, log: &Log) {
    match waits {
        Waits::Itself => _ = told(quiet, log).await,
        Waits::Set => _ = FuturesUnordered::from_iter([told(quiet, log)]).next().await,
        Waits::Child => {
            _ = nursery(async |n| {
                n.spawn(told(quiet, log));
                Ok::<_, E>(())
            })
            .await;
        }
        Waits::Body => _ = nursery(async |_| told(quiet, log).await).await,
        Waits::Timeout => _ = timeout(LONG, told(quiet, log)).await,
    }
    log.say("returned");
}

/// Begins a wait somewhere, ends that, and cancels the task, which goes on with the wait.
fn assert_told(begin: impl AsyncFn(&mut Begun<'_>) + Clone + Send + 'static) {
    for waits in ALL {
        let begin = begin.clone();
        let (log, left) = run(async move || {
            let (quiet, log, before) = (listener().await, Log::default(), stats().in_flight);
            let all_went_on = nursery(async |n| {
                n.spawn(async {
                    let mut begun = wait(waits, &quiet, &log).boxed_local();
                    begin(&mut begun).await;
                    begun.await;
                    Ok::<_, E>(())
                });
                settle().await;
                n.cancel();
                Ok(())
            });
            assert_eq!(all_went_on.await, Ok(()));
            (log.take(), stats().in_flight - before)
        });
        assert_eq!((log, left), (vec!["told", "returned"], 0), "{waits:?}");
    }
}

async fn begin_in_a_body(begun: &mut Begun<'_>) {
    let inner: Result<(), E> = nursery(async |_| {
        assert!(poll_once(begun.as_mut()).await.is_pending());
        Ok(())
    })
    .await;
    assert_eq!(inner, Ok(()));
}

#[test]
fn r03_a_cancel_reaches_what_was_begun_in_a_body() {
    assert_told(begin_in_a_body);
}

#[test]
fn r03_a_cancel_reaches_what_was_begun_in_a_body_of_a_body() {
    assert_told(async |begun: &mut Begun<'_>| {
        let outer: Result<(), E> = nursery(async |_| {
            begin_in_a_body(begun).await;
            Ok(())
        })
        .await;
        assert_eq!(outer, Ok(()));
    });
}

#[test]
fn r03_a_cancel_reaches_what_was_begun_in_a_child() {
    assert_told(async |begun: &mut Begun<'_>| {
        let inner: Result<(), E> = nursery(async |n| {
            n.spawn(async {
                assert!(poll_once(begun.as_mut()).await.is_pending());
                Ok(())
            });
            Ok(())
        })
        .await;
        assert_eq!(inner, Ok(()));
    });
}

#[test]
fn r03_a_cancel_reaches_what_was_begun_in_a_shield() {
    assert_told(async |begun: &mut Begun<'_>| {
        shield(async { assert!(poll_once(begun.as_mut()).await.is_pending()) }).await;
    });
}

/// Begins something in a shield, during which the task is cancelled, and goes on with it.
async fn out_of_a_shield(mut begun: Begun<'_>) {
    shield(async {
        assert!(poll_once(begun.as_mut()).await.is_pending());
        // The cancel comes meanwhile.
        for _ in 0..100 {
            settle().await;
        }
    })
    .await;
    begun.await;
}

/// What is logged by something that goes on out of a shield in a task that is cancelled.
fn out_of_a_shield_in_a_cancelled_task(
    begin: impl for<'a> FnOnce(&'a TcpListener, &'a Log) -> Begun<'a> + Send + 'static,
) -> Vec<&'static str> {
    run(async move || {
        let (quiet, log) = (listener().await, Log::default());
        let cancelled: Result<(), E> = nursery(async |n| {
            n.spawn(async {
                out_of_a_shield(begin(&quiet, &log)).await;
                Ok(())
            });
            settle().await;
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(cancelled, Ok(()));
        log.take()
    })
}

#[test]
fn r08_what_was_begun_in_a_shield_is_cancelled_when_that_ends() {
    for waits in ALL {
        let log = out_of_a_shield_in_a_cancelled_task(move |quiet, log| {
            wait(waits, quiet, log).boxed_local()
        });
        assert_eq!(log, ["told", "returned"], "{waits:?}");
    }
}

#[test]
fn r08_cancelled_is_heard_out_of_a_shield() {
    let log = out_of_a_shield_in_a_cancelled_task(|_, log| {
        cancelled().map(|_| log.say("heard")).boxed_local()
    });
    assert_eq!(log, ["heard"]);
    let in_a_set = out_of_a_shield_in_a_cancelled_task(|_, log| {
        let mut set = FuturesUnordered::from_iter([cancelled()]);
        async move { set.next().map(|_| log.say("heard")).await }.boxed_local()
    });
    assert_eq!(in_a_set, ["heard"]);
}

/// A shield that goes on for long after the one around it.
async fn inner_shield(log: &Log) {
    shield(async {
        for _ in 0..200 {
            settle().await;
        }
        log.say("done");
    })
    .await;
}

#[test]
fn r08_shields_go_on_out_of_a_shield() {
    let plain = out_of_a_shield_in_a_cancelled_task(|_, log| inner_shield(log).boxed_local());
    assert_eq!(plain, ["done"]);
    let in_a_timeout = out_of_a_shield_in_a_cancelled_task(|_, log| {
        timeout(LONG, inner_shield(log)).map(drop).boxed_local()
    });
    assert_eq!(in_a_timeout, ["done"]);
    let in_a_child = out_of_a_shield_in_a_cancelled_task(|_, log| {
        let with_child = nursery(async |n| {
            n.spawn(inner_shield(log).map(Ok::<_, E>));
            Ok(())
        });
        with_child.map(drop).boxed_local()
    });
    assert_eq!(in_a_child, ["done"]);
}

#[test]
fn r08_clean_ups_run_out_of_a_shield() {
    let plain = out_of_a_shield_in_a_cancelled_task(|_, log| {
        finally(pending(), async |_: Option<&()>| log.say("cleaned up")).boxed_local()
    });
    assert_eq!(plain, ["cleaned up"]);
    let in_a_child = out_of_a_shield_in_a_cancelled_task(|_, log| {
        let with_child = nursery(async |n| {
            let cleaned_up = finally(pending(), async |_: Option<&()>| log.say("cleaned up"));
            n.spawn(cleaned_up.map(Ok::<_, E>));
            Ok(())
        });
        with_child.map(drop).boxed_local()
    });
    assert_eq!(in_a_child, ["cleaned up"]);
}

/// A future that was lent to an expired timeout, which is dropped between two runs of a runtime.
#[test]
fn r06_what_outlives_a_run_is_not_cancelled() {
    for inside in [false, true] {
        within(move || {
            let mut runtime = Runtime::builder().build().expect("a ring");
            let open = Notify::new();
            let mut begun = async { _ = timeout(LONG, open.notified()).await }.boxed_local();
            // A shield keeps what has expired.
            let mut lent = timeout(MS, join(begun.as_mut(), shield(pending::<()>()))).boxed_local();
            runtime.block_on(async {
                assert!(poll_once(lent.as_mut()).await.is_pending());
                sleep(2 * MS).await;
                assert!(poll_once(lent.as_mut()).await.is_pending());
            });
            if inside {
                runtime.block_on(async { drop(lent) });
            } else {
                drop(lent);
            }
            open.notify_one();
            runtime.block_on(begun);
        });
    }
}

/// The nursery that was begun in a body returns before the timeout around both.
#[test]
fn r03_a_deadline_reaches_what_was_begun_in_a_body() {
    let log = run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let mut begun = wait(Waits::Child, &quiet, &log).boxed_local();
        let late = timeout(MS, async {
            begin_in_a_body(&mut begun).await;
            begun.as_mut().await;
        });
        _ = late.await;
        log.say("elapsed");
        log.take()
    });
    assert_eq!(log, ["told", "returned", "elapsed"]);
}

/// In a nursery that went on after the body in which it was begun, and has cancelled itself:
/// outside of that nursery, nothing is cancelled.
#[test]
fn r06_what_outlives_a_nursery_that_was_handed_on_is_not_cancelled() {
    run(async || {
        let go = async {
            // Each of these awaits would answer, or stay, for ever in a cancelled scope.
            timeout(20 * MS, pending::<()>()).await.unwrap_err();
            while nop().await.is_err() {}
        };
        let worker = async {
            let mut set = FuturesUnordered::from_iter([go]);
            let inner: Result<(), E> = nursery(async |n| {
                n.spawn(async {
                    settle().await;
                    n.cancel();
                    Ok(())
                });
                set.next().await;
                Ok(())
            })
            .await;
            assert_eq!(inner, Err(E::Cancelled));
            assert_eq!(set.next().await, Some(()));
        };
        let mut worker = worker.boxed_local();
        begin_in_a_body(&mut worker).await;
        pin!(worker).await;
    });
}

/// A nursery that a cancelled task has polled, and that its sibling takes over, keeps the first no
/// more.
#[test]
fn r05_what_moves_to_a_sibling_keeps_the_first_task_no_more() {
    run(async || {
        let inner = nursery(async |n| {
            n.spawn(shield(sleep(5 * MS)).map(Ok::<_, E>));
            Ok::<_, E>(())
        });
        let taken_over = RefCell::new(None);
        let result: Result<(), E> = nursery(async |n| {
            n.spawn(async {
                let mut inner = inner.map(drop).boxed_local();
                assert!(poll_once(inner.as_mut()).await.is_pending());
                cancelled().await;
                assert!(poll_once(inner.as_mut()).await.is_pending());
                taken_over.replace(Some(inner));
                pending::<Result<(), E>>().await
            });
            n.spawn(async {
                cancelled().await;
                shield(async {
                    while taken_over.borrow().is_none() {
                        yield_now().await;
                    }
                })
                .await;
                let inner = taken_over.take().expect("it is there");
                inner.await;
                Ok(())
            });
            settle().await;
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}

/// A nursery that was begun in a task is dropped by a sibling, with a blocking call in it that
/// still runs: the first task is not kept for it when that has ended.
#[test]
fn r05_what_a_sibling_drops_keeps_the_first_task_no_more() {
    run(async || {
        let (end, ends) = channel();
        let inner = nursery(async move |_| {
            let mut call = Box::pin(spawn_blocking(move || _ = ends.recv()));
            assert!(poll_once(call.as_mut()).await.is_pending());
            settle().await;
            drop(call);
            pending::<Result<(), E>>().await
        });
        let slot = RefCell::new(None);
        let result: Result<(), E> = nursery(async |n| {
            n.spawn(async {
                let mut inner = inner.map(drop).boxed_local();
                for _ in 0..100 {
                    assert!(poll_once(inner.as_mut()).await.is_pending());
                    yield_now().await;
                }
                slot.replace(Some(inner));
                pending::<Result<(), E>>().await
            });
            n.spawn(async {
                cancelled().await;
                shield(settle()).await;
                drop(slot.take().expect("it is there"));
                end.send(()).expect("the call waits");
                Ok(())
            });
            for _ in 0..200 {
                settle().await;
            }
            n.cancel();
            Ok(())
        })
        .await;
        assert_eq!(result, Ok(()));
    });
}
