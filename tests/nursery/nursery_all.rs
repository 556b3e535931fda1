//! `nursery_all`: every failure, not only the first.

use crate::support::nurseries::{E, counted, listener, never, run, settle, throw, thrown};
use futures_util::FutureExt;
use nestling::{Failures, nursery, nursery_all, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::error::Error;
use std::future::pending;
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// A nursery's failures.
#[track_caller]
fn failed<T: std::fmt::Debug, E>(result: Result<T, Failures<E>>) -> Failures<E> {
    result.map(|value| panic!("it succeeded: {value:?}")).unwrap_or_else(|failures| failures)
}

#[test]
fn all_gives_the_value_when_nothing_failed() {
    run(async || {
        let result = nursery_all(async |n| {
            let seven = n.spawn(async { Ok(7) });
            Ok::<_, E>(seven.await.expect("it ended"))
        });
        assert_eq!(result.await.ok(), Some(7));
        let result = nursery_all(async |n| {
            n.spawn(pending::<()>());
            n.cancel();
            Ok::<_, E>(8)
        });
        assert_eq!(result.await.ok(), Some(8), "it asked for that itself");
    });
}

/// In the order in which they happened; derived ones apart.
#[test]
fn all_keeps_every_real_failure_in_order() {
    let (_, stats) = counted(async || {
        let quiet = listener().await;
        let failures = nursery_all(async |n| {
            for number in 1..4 {
                n.spawn(async move {
                    nop().await.expect("one batch");
                    Err::<(), _>(E::Boom(number))
                });
            }
            n.spawn(async { never(&quiet).await.map_err(|_| E::Boom(100)) });
            n.spawn(async { never(&quiet).await });
            n.spawn(async {
                shield(settle()).await;
                Err::<(), _>(E::Boom(4))
            });
            n.spawn(async { never(&quiet).await.or(Ok(())) });
            never(&quiet).await.map_err(|_| E::Boom(200))
        });
        let failures = failed(failures.await);
        assert_eq!(failures.errors(), [E::Boom(1), E::Boom(2), E::Boom(3), E::Boom(4)]);
        let mut derived: Vec<_> = failures.derived().iter().map(|e| format!("{e:?}")).collect();
        derived.sort_unstable();
        assert_eq!(derived, ["Boom(100)", "Boom(200)", "Cancelled"]);
        assert!(!failures.cancelled());
        assert_eq!(failures.into_first(), Some(E::Boom(1)));
    });
    assert_eq!(stats.derived, 3, "{stats:?}");
}

#[test]
fn all_stopped_from_outside_has_no_failure_of_its_own() {
    run(async || {
        let quiet = listener().await;
        let work = nursery_all(async |n| {
            n.spawn(async { never(&quiet).await });
            pending::<Result<(), E>>().await
        });
        let failures = failed(timeout(MS, work).await.expect("a nursery always answers"));
        assert!(failures.cancelled() && failures.errors().is_empty());
        assert_eq!(failures.derived(), [E::Cancelled]);
        assert_eq!(failures.into_first(), None);
        // A real failure is one, whatever cancelled.
        let work = nursery_all(async |n| {
            n.spawn(async {
                shield(settle()).await;
                Err::<(), _>(E::Boom(1))
            });
            pending::<Result<(), E>>().await
        });
        let failures = failed(timeout(Duration::ZERO, work).await.expect("an answer"));
        assert!(!failures.cancelled());
        assert_eq!(failures.into_errors(), [E::Boom(1)]);
    });
}

/// For the nursery around it, one that was stopped is derived, and one that failed is not.
#[test]
fn all_inside_another_nursery() {
    run(async || {
        for (fails, expected) in [(false, Ok(5)), (true, Err(E::Boom(1)))] {
            let result = nursery(async |outer| {
                outer.spawn(async {
                    let inner = nursery_all(async |n| {
                        n.spawn(async {
                            shield(settle()).await;
                            if fails { Err(E::Boom(1)) } else { Ok(()) }
                        });
                        pending::<Result<(), E>>().await
                    });
                    inner.await.map_err(|failures| failures.into_first().unwrap_or(E::Boom(9)))
                });
                nop().await?;
                outer.cancel();
                Ok::<_, E>(5)
            });
            assert_eq!(result.await, expected);
        }
    });
}

#[test]
fn all_panics_like_any_other() {
    run(async || {
        let work = nursery_all(async |n| {
            n.spawn(async {
                nop().await?;
                Err::<(), _>(E::Boom(1))
            });
            n.spawn(async {
                shield(settle()).await;
                throw(3)
            });
            pending::<Result<(), E>>().await
        });
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!(thrown(&*payload), 3);
    });
}

#[test]
fn all_says_what_happened() {
    run(async || {
        let fail = async |count: usize| {
            let result = nursery_all(async move |n| {
                for number in 0..count {
                    n.spawn(async move {
                        nop().await.expect("one batch");
                        Err::<(), _>(io::Error::other(format!("failure {number}")))
                    });
                }
                n.spawn(async { nop().await }).await.ok();
                if count == 0 { pending().await } else { Ok(()) }
            });
            failed(timeout(50 * MS, result).await.expect("an answer"))
        };
        assert_eq!(fail(0).await.to_string(), "cancelled");
        let one = fail(1).await;
        assert_eq!(one.to_string(), "failure 0");
        assert_eq!(one.source().expect("a cause").to_string(), "failure 0");
        assert_eq!(fail(3).await.to_string(), "3 failures: failure 0; failure 1; failure 2");
    });
}
