//! Rule 10: a value only if no child was stopped on the way to it, or this nursery asked for that.

use crate::support::nurseries::{E, listener, never, run, settle};
use nestling::sync::Notify;
use nestling::{nursery, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

#[test]
fn r10_the_value_survives_its_own_cancel() {
    let result = run(async || {
        let quiet = listener().await;
        nursery(async |n| {
            n.spawn(async {
                settle().await;
                n.cancel();
            });
            n.spawn(async { never(&quiet).await });
            n.spawn(pending::<()>());
            Ok::<_, E>(5)
        })
        .await
    });
    assert_eq!(result, Ok(5));
}

/// The result of an inner nursery whose body has its value, and whose child does `work`, when the
/// outer nursery is cancelled.
fn inner_result(
    work: impl AsyncFn() -> Result<(), E> + Send + Sync + 'static,
) -> Option<Result<u8, E>> {
    run(async move || {
        let seen = Cell::new(None);
        let result = nursery(async |outer| {
            outer.spawn(async {
                nop().await?;
                outer.cancel();
                Ok(())
            });
            outer.spawn(async {
                let inner = nursery(async |n| {
                    n.spawn(work());
                    Ok(5)
                });
                let result = inner.await;
                let failed = result.as_ref().is_err().then_some(E::Cancelled);
                seen.set(Some(result));
                failed.map_or(Ok(()), Err)
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        seen.take()
    })
}

#[test]
fn r10_an_ancestors_cancel_does_not_look_like_success() {
    let cut = inner_result(async || {
        pending::<()>().await;
        Ok(())
    });
    assert_eq!(cut, Some(Err(E::Cancelled)));
    let delivered = inner_result(async || {
        let quiet = listener().await;
        never(&quiet).await
    });
    assert_eq!(delivered, Some(Err(E::Cancelled)));
}

#[test]
fn r10_a_child_that_finished_in_the_race_counts_as_finished() {
    assert_eq!(inner_result(async || Ok(nop().await?)), Some(Ok(5)));
}

#[test]
fn r10_a_deadline_does_not_look_like_success() {
    let result = run(async || {
        let quiet = listener().await;
        let inner = nursery(async |n| {
            n.spawn(async { never(&quiet).await });
            Ok::<_, E>(5)
        });
        timeout(Duration::from_millis(2), inner).await
    });
    assert_eq!(result, Ok(Err(E::Cancelled)));
}

#[test]
fn r10_asked_by_an_inner_nursery_is_not_asked_by_the_outer_one() {
    let result = run(async || {
        nursery(async |outer| {
            outer.spawn(async {
                nursery(async |inner| {
                    inner.spawn(pending::<()>());
                    inner.cancel();
                    pending::<Result<(), E>>().await
                })
                .await
            });
            Ok::<_, E>(1)
        })
        .await
    });
    // The inner one was cut short: its error is real for the outer one, which was not cancelled.
    assert_eq!(result, Err(E::Cancelled));
}

/// The result of an inner nursery that is cancelled from inside and from outside, in one order or
/// the other, while a child is behind a shield and another has an operation in flight.
fn cancelled_twice(own_first: bool) -> Option<Result<u8, E>> {
    run(async move || {
        let quiet = listener().await;
        let (seen, hold) = (Cell::new(None), Notify::new());
        let result = nursery(async |outer| {
            outer.spawn(async {
                let inner = nursery(async |n| {
                    n.spawn(async { never(&quiet).await });
                    n.spawn(async {
                        shield(hold.notified()).await;
                        pending::<()>().await; // cut here, after both
                    });
                    settle().await;
                    if own_first {
                        n.cancel()
                    } else {
                        outer.cancel()
                    }
                    if own_first {
                        outer.cancel()
                    } else {
                        n.cancel()
                    }
                    hold.notify_one();
                    Ok(5)
                });
                seen.set(Some(inner.await));
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        seen.take()
    })
}

#[test]
fn r10_of_its_own_cancel_and_one_from_outside_the_first_counts() {
    assert_eq!(cancelled_twice(true), Some(Ok(5)));
    assert_eq!(cancelled_twice(false), Some(Err(E::Cancelled)));
}
