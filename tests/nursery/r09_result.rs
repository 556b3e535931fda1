//! Rule 9: which of many ends becomes the result: panic, first real failure, `Cancelled`, value.

use crate::support::nurseries::{E, listener, never, run, settle};
use nestling::{nursery, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

#[test]
fn r09_the_first_of_several_failures_wins_in_every_order() {
    for order in [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
        let result = run(async move || {
            nursery(async |n| {
                for number in order {
                    n.spawn(async move {
                        nop().await.expect("one batch");
                        Err::<(), _>(E::Boom(number))
                    });
                }
                Ok(())
            })
            .await
        });
        assert_eq!(result, Err(E::Boom(order[0])));
    }
}

#[test]
fn r09_a_failure_of_the_body_before_the_child_ran() {
    let result = run(async || {
        nursery(async |n| {
            n.spawn(async { Err::<(), _>(E::Boom(9)) });
            Err::<u8, _>(E::Boom(24))
        })
        .await
    });
    assert_eq!(result, Err(E::Boom(24)));
}

#[test]
fn r09_an_error_that_comes_of_the_cancellation_does_not_mask_the_failure() {
    for failing_first in [false, true] {
        let result = run(async move || {
            let quiet = listener().await;
            nursery(async |n| {
                let fail = async {
                    settle().await;
                    Err::<(), _>(E::Boom(1))
                };
                let derive = async { never(&quiet).await };
                if failing_first {
                    n.spawn(fail);
                    n.spawn(derive);
                } else {
                    n.spawn(derive);
                    n.spawn(fail);
                }
                never(&quiet).await
            })
            .await
        });
        assert_eq!(result, Err(E::Boom(1)));
    }
}

/// The error has another form than the one that was delivered; it is derived all the same.
#[test]
fn r09_a_derived_error_may_look_like_any_other() {
    let result = run(async || {
        let quiet = listener().await;
        nursery(async |n| {
            n.spawn(async { never(&quiet).await.map_err(|_| E::Boom(66)) });
            settle().await;
            n.cancel();
            Ok(4)
        })
        .await
    });
    assert_eq!(result, Ok(4));
}

#[test]
fn r09_an_error_after_the_cancel_of_one_that_was_delivered_nothing_is_real() {
    let result = run(async || {
        let quiet = listener().await;
        nursery(async |n| {
            n.spawn(async {
                poll_fn(|_| if n.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }).await;
                Err::<(), _>(E::Boom(28))
            });
            n.spawn(async { never(&quiet).await });
            settle().await;
            n.cancel();
            Ok(1)
        })
        .await
    });
    assert_eq!(result, Err(E::Boom(28)));
}

#[test]
fn r09_a_raced_success_is_no_delivery_of_a_cancellation() {
    let result = run(async || {
        nursery(async |n| {
            n.spawn(async {
                nop().await?;
                n.cancel();
                Ok(())
            });
            n.spawn(async {
                nop().await.expect("it raced the cancel");
                assert!(n.is_cancelled());
                Err::<(), _>(E::Boom(2))
            });
            Ok(1)
        })
        .await
    });
    assert_eq!(result, Err(E::Boom(2)));
}

#[test]
fn r09_an_inner_nurserys_failure_is_real_for_the_outer_one() {
    let result = run(async || {
        let quiet = listener().await;
        nursery(async |outer| {
            outer.spawn(async {
                nursery(async |n| {
                    n.spawn(async { never(&quiet).await });
                    n.spawn(async {
                        settle().await;
                        Err::<(), _>(E::Boom(29))
                    });
                    never(&quiet).await
                })
                .await
            });
            Ok(1)
        })
        .await
    });
    assert_eq!(result, Err(E::Boom(29)));
}

#[test]
fn r09_a_cancelled_inner_nursery_is_derived_for_the_outer_one() {
    let result = run(async || {
        nursery(async |outer| {
            outer.spawn(async {
                nursery(async |n| {
                    n.spawn(pending::<()>());
                    pending::<Result<(), E>>().await
                })
                .await
            });
            settle().await;
            outer.cancel();
            Ok(3)
        })
        .await
    });
    assert_eq!(result, Ok(3));
}

/// What was delivered inside a timeout that has passed is over: a later error is real, also when
/// the nursery is cancelled by then.
#[test]
fn r09_a_deadline_inside_a_child_does_not_taint_it() {
    let result = run(async || {
        let (quiet, passed) = (listener().await, Cell::new(false));
        nursery(async |n| {
            n.spawn(async {
                let answer = timeout(Duration::from_millis(1), never(&quiet)).await;
                assert_eq!(answer, Ok(Err(E::Cancelled)));
                passed.set(true);
                poll_fn(|_| if n.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }).await;
                Err::<(), _>(E::Boom(5))
            });
            while !passed.get() {
                nop().await?;
            }
            n.cancel();
            Ok(1)
        })
        .await
    });
    assert_eq!(result, Err(E::Boom(5)));
}

#[test]
fn r09_cancelled_is_the_result_of_a_body_that_was_cut() {
    let result = run(async || {
        nursery(async |n| {
            n.spawn(async {
                settle().await;
                n.cancel();
            });
            pending::<()>().await;
            Ok::<_, E>(1)
        })
        .await
    });
    assert_eq!(result, Err(E::Cancelled));
}

#[test]
fn r09_a_failed_child_says_cancelled_to_who_joins_it_and_its_error_to_the_nursery() {
    let (result, joined) = run(async || {
        let joined = Cell::new(None);
        let result = nursery(async |n| {
            let handle = n.spawn(async {
                settle().await;
                Err::<(), _>(E::Boom(7))
            });
            joined.set(Some(handle.await.is_err()));
            Ok(())
        });
        (result.await, joined.get())
    });
    assert_eq!((result, joined), (Err(E::Boom(7)), Some(true)));
}

/// An `ECANCELED` that no cancel here asked for is an ordinary error.
#[test]
fn r09_a_foreign_ecanceled_is_real() {
    let error = std::io::Error::from_raw_os_error(libc::ECANCELED);
    assert!(!nestling::is_cancelled(&error));
    let kind = error.kind();
    let result = run(async move || {
        nursery(async |n| {
            n.spawn(async move {
                Err::<(), _>(E::from(std::io::Error::from_raw_os_error(libc::ECANCELED)))
            });
            Ok(())
        })
        .await
    });
    assert_eq!(result, Err(E::Io(kind)));
}
