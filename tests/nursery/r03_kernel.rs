//! Rule 3: a cancel reaches the kernel once for each operation, in the same turn, or not at all.

use crate::support::nurseries::{Count, E, Parked, counted, listener, never, settle, within};
use crate::support::poll_once;
use nestling::{Runtime, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::rc::Rc;

#[test]
fn r03_each_operation_is_asked_once_however_many_ancestors_cancel() {
    const EACH: u64 = 50;
    let (heard, stats) = counted(async || {
        let quiet = listener().await;
        let heard = Count::default();
        let hear = async || {
            heard.add_if(never(&quiet).await == Err(E::Cancelled));
            Ok(())
        };
        let result = nursery(async |a| {
            a.spawn(async {
                nursery(async |b| {
                    b.spawn(async {
                        nursery(async |c| {
                            (0..EACH).for_each(|_| drop(c.spawn(hear())));
                            settle().await;
                            c.cancel();
                            b.cancel();
                            a.cancel();
                            c.cancel();
                            Ok::<_, E>(())
                        })
                        .await
                    });
                    (0..EACH).for_each(|_| drop(b.spawn(hear())));
                    Ok::<_, E>(())
                })
                .await
            });
            (0..EACH).for_each(|_| drop(a.spawn(hear())));
            Ok::<_, E>(())
        });
        result.await.expect("only cancelled");
        heard.get()
    });
    assert_eq!(heard, 3 * EACH);
    assert_eq!((stats.cancel_requests, stats.cancelled), (3 * EACH, 3 * EACH), "{stats:?}");
}

/// The scope in which the operation was made closes right after the cancel, with the operation
/// still in flight elsewhere.
#[test]
fn r03_an_operation_whose_scope_closes_is_not_asked_again() {
    let ((), stats) = counted(async || {
        let quiet = Rc::new(listener().await);
        let kept = Parked::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let quiet = Rc::clone(&quiet);
                let mut accept = Box::pin(async move { never(&quiet).await });
                assert!(poll_once(accept.as_mut()).await.is_pending());
                kept.replace(Some(accept));
                settle().await;
                n.cancel();
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let accept = kept.take().expect("it was kept");
        assert_eq!(accept.await, Err(E::Cancelled));
    });
    assert_eq!((stats.cancel_requests, stats.cancelled), (1, 1), "{stats:?}");
}

/// A request for each of 100 operations and all their answers take a few turns, not 100.
#[test]
fn r03_the_requests_go_out_together() {
    let (turns, stats) = counted(async || {
        let quiet = listener().await;
        let (turns, done) = (Cell::new(0), Cell::new(false));
        let result = nursery(async |outer| {
            outer.spawn(async {
                let inner = nursery(async |n| {
                    (0..100).for_each(|_| drop(n.spawn(async { never(&quiet).await })));
                    settle().await;
                    turns.set(0);
                    n.cancel();
                    Ok::<_, E>(())
                });
                inner.await?;
                done.set(true);
                Ok(())
            });
            while !done.get() {
                nop().await?;
                turns.set(turns.get() + 1);
            }
            Ok::<_, E>(())
        });
        result.await.expect("only cancelled");
        turns.get()
    });
    assert_eq!(stats.cancel_requests, 100);
    assert!(turns <= 20, "{turns} turns");
}

#[test]
fn r03_what_has_not_entered_the_kernel_is_resolved_without_it() {
    let (heard, stats) = counted(async || {
        let quiet = listener().await;
        let heard = Cell::new(false);
        let result = nursery(async |n| {
            n.spawn(async {
                heard.set(never(&quiet).await == Err(E::Cancelled));
                Ok(())
            });
            // In the same turn, after the child was polled for the first time.
            n.spawn(async { n.cancel() });
            Ok::<_, E>(())
        });
        result.await.expect("only cancelled");
        drop(quiet.into_std());
        heard.get()
    });
    assert!(heard);
    assert_eq!((stats.submitted, stats.withdrawn, stats.cancel_requests), (0, 1, 0), "{stats:?}");
}

#[test]
fn r03_a_cancelled_nursery_leaves_its_neighbour_alone() {
    let ((), stats) = counted(async || {
        // One each: accepts of one listener ask anew when one of them is cancelled.
        let (quiet, other) = (listener().await, listener().await);
        let address = other.local_addr().expect("an address");
        let result = nursery(async |n| {
            let neighbour = n.spawn(async { never(&other).await });
            let inner = nursery(async |inner| {
                inner.spawn(async { never(&quiet).await });
                settle().await;
                inner.cancel();
                Ok::<_, E>(())
            });
            inner.await?;
            let _client = crate::support::nurseries::std_connect(address);
            neighbour.await?;
            Ok::<_, E>(())
        });
        result.await.expect("only one was cancelled");
    });
    assert_eq!((stats.cancel_requests, stats.cancelled), (1, 1), "{stats:?}");
}

/// Trap 6, smaller: a ring of 8 entries, 2,000 operations, cancelled and submitted anew at once.
#[test]
fn r03_a_full_queue_loses_no_request_and_hits_no_successor() {
    const OPS: u64 = 2000;
    within(|| {
        let mut runtime = Runtime::builder().entries(8).build().expect("a ring");
        let (heard, answered) = runtime.block_on(async {
            let quiet = listener().await;
            let (heard, answered) = (Count::default(), Count::default());
            let result = nursery(async |outer| {
                for _ in 0..3 {
                    let first = nursery(async |n| {
                        for _ in 0..OPS {
                            n.spawn(async {
                                let answer = never(&quiet).await;
                                heard.add_if(answer == Err(E::Cancelled));
                                // The slot that this one had goes to the next generation.
                                outer.spawn(async {
                                    let answer = nop().await;
                                    answered.add_if(answer.is_ok());
                                    Ok(())
                                });
                                Ok(())
                            });
                        }
                        settle().await;
                        while n.len() < OPS as usize {
                            nop().await?;
                        }
                        for _ in 0..OPS / 64 {
                            nop().await?;
                        }
                        n.cancel();
                        Ok::<_, E>(())
                    });
                    first.await?;
                }
                Ok::<_, E>(())
            });
            result.await.expect("only cancelled");
            (heard.get(), answered.get())
        });
        let stats = runtime.stats();
        assert_eq!((heard, answered), (3 * OPS, 3 * OPS), "{stats:?}");
        assert_eq!(stats.cancel_requests, 3 * OPS, "{stats:?}");
        assert_eq!((stats.submitted, stats.in_flight, stats.stale), (stats.completed, 0, 0));
    });
}
