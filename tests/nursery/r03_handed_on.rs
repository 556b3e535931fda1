//! Futures that go on after the scope in which they were begun: the body of a nursery, a child, a
//! shield. What they have opened belongs to the scope around, whose cancel reaches it.

use crate::support::{E, Log, listener, never, poll_once, run, settle};
use futures_util::future::{FutureExt, LocalBoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::net::TcpListener;
use nestling::{nursery, shield, shield_for, stats, timeout};
use nestling_runtime::lowlevel::nop;
use std::future::pending;
use std::pin::pin;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);
const MS: Duration = Duration::from_millis(1);

type Begun<'a> = LocalBoxFuture<'a, ()>;

/// In what an operation waits that is to be told of the cancel.
#[derive(Debug, Clone, Copy)]
enum Waits {
    Child,
    Body,
    Timeout,
}

async fn told(quiet: &TcpListener, log: &Log) -> Result<(), E> {
    let answer = never(quiet).await;
    log.say(if answer == Err(E::Cancelled) { "told" } else { "not told" });
    answer
}

async fn wait(waits: Waits, quiet: &TcpListener, log: &Log) {
    match waits {
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
    for waits in [Waits::Child, Waits::Body, Waits::Timeout] {
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

/// The shield ends when its task is cancelled already: then what is left of it is cancelled.
#[test]
fn r08_what_was_begun_in_a_shield_is_cancelled_when_that_ends() {
    assert_told(async |begun: &mut Begun<'_>| {
        let in_time = shield_for(LONG, async {
            assert!(poll_once(begun.as_mut()).await.is_pending());
            // The cancel comes meanwhile.
            for _ in 0..100 {
                settle().await;
            }
        });
        assert_eq!(in_time.await, Ok(()));
    });
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
