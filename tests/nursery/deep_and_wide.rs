//! Trap 11: many levels and many children, on a stack of 2 MiB, in linear time.
//!
//! A level costs stack, for a nursery is polled inside the one around it: about 2.7 KiB in a debug
//! build (784 levels fit) and 0.6 KiB in a release build (3,500 through children, 5,000 through
//! bodies and timeouts). What takes more than linear time would not end before the harness gives
//! up.

use crate::support::nurseries::{Count, E, listener, never, run, settle, throw, thrown};
use crate::support::poll_once;
use futures_util::FutureExt;
use futures_util::future::join_all;
use nestling::task::yield_now;
use nestling::{nursery, timeout};
use nestling_runtime::lowlevel::nop;
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::time::Duration;

const DEEP: u32 = 400;
const WIDE: usize = 100_000;

type Level<'a> = Pin<Box<dyn Future<Output = Result<u32, E>> + 'a>>;

/// What is at the bottom.
type Bottom<'a> = &'a dyn Fn() -> Level<'a>;

fn through_children<'a>(levels: u32, bottom: Bottom<'a>) -> Level<'a> {
    Box::pin(async move {
        if levels == 0 {
            return bottom().await;
        }
        let child = nursery(async |n| {
            let handle = n.spawn(through_children(levels - 1, bottom));
            Ok(handle.await? + 1)
        });
        child.await
    })
}

fn through_bodies<'a>(levels: u32, bottom: Bottom<'a>) -> Level<'a> {
    Box::pin(async move {
        if levels == 0 {
            return bottom().await;
        }
        nursery(async |_| Ok(through_bodies(levels - 1, bottom).await? + 1)).await
    })
}

fn through_timeouts<'a>(levels: u32, bottom: Bottom<'a>) -> Level<'a> {
    Box::pin(async move {
        if levels == 0 {
            return bottom().await;
        }
        let inner = timeout(Duration::MAX, through_timeouts(levels - 1, bottom)).await;
        Ok(inner.expect("no deadline")? + 1)
    })
}

const WAYS: [fn(u32, Bottom<'_>) -> Level<'_>; 3] =
    [through_children, through_bodies, through_timeouts];

#[test]
fn deep_nesting_reaches_the_bottom_and_returns() {
    run(async || {
        for way in WAYS {
            let bottom = || -> Level<'_> {
                Box::pin(async {
                    yield_now().await;
                    nop().await?;
                    Ok(0)
                })
            };
            assert_eq!(way(DEEP, &bottom).await, Ok(DEEP));
        }
    });
}

#[test]
fn deep_nesting_is_cancelled_from_the_top() {
    run(async || {
        for way in WAYS {
            let (quiet, heard) = (listener().await, Count::default());
            let bottom = || -> Level<'_> {
                Box::pin(async {
                    heard.add_if(never(&quiet).await == Err(E::Cancelled));
                    Err(E::Cancelled)
                })
            };
            let result = nursery(async |n| {
                n.spawn(way(DEEP, &bottom));
                settle().await;
                n.cancel();
                Ok::<_, E>(7)
            });
            assert_eq!((result.await, heard.get()), (Ok(7), 1));
        }
    });
}

#[test]
fn deep_nesting_is_dropped_from_the_top() {
    run(async || {
        for way in WAYS {
            let quiet = listener().await;
            let bottom = || -> Level<'_> { Box::pin(async { never(&quiet).await.map(|()| 0) }) };
            let mut top = way(DEEP, &bottom);
            for _ in 0..8 {
                assert!(poll_once(top.as_mut()).await.is_pending());
                nop().await.expect("not cancelled");
            }
        }
    });
}

#[test]
fn a_failure_and_a_panic_come_up_from_the_bottom() {
    run(async || {
        for way in WAYS {
            let fails = || -> Level<'_> { Box::pin(async { Err(E::Boom(1)) }) };
            assert_eq!(way(DEEP, &fails).await, Err(E::Boom(1)));
            let panics = || -> Level<'_> { Box::pin(async { throw(2) }) };
            let payload = AssertUnwindSafe(way(DEEP, &panics)).catch_unwind().await;
            assert_eq!(thrown(&*payload.expect_err("it panicked")), 2);
        }
    });
}

#[test]
fn wide_nurseries_end() {
    run(async || {
        let ended = Count::default();
        let result = nursery(async |n| {
            for _ in 0..WIDE {
                n.spawn(async {
                    yield_now().await;
                    ended.one();
                });
            }
            assert_eq!(n.len(), WIDE);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(ended.get(), WIDE as u64);
    });
}

#[test]
fn wide_nurseries_are_cancelled() {
    run(async || {
        let result = nursery(async |n| {
            (0..WIDE).for_each(|_| drop(n.spawn(pending::<()>())));
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
    });
}

#[test]
fn wide_nurseries_with_operations_are_cancelled() {
    const OPERATIONS: u64 = 20_000;
    run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let result = nursery(async |n| {
            for _ in 0..OPERATIONS {
                n.spawn(async { heard.add_if(never(&quiet).await == Err(E::Cancelled)) });
            }
            for _ in 0..OPERATIONS / 64 {
                nop().await?;
            }
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(heard.get(), OPERATIONS);
    });
}

#[test]
fn wide_nurseries_are_dropped() {
    run(async || {
        let mut wide = Box::pin(nursery(async |n| {
            (0..WIDE).for_each(|_| drop(n.spawn(pending::<()>())));
            pending::<Result<(), E>>().await
        }));
        assert!(poll_once(wide.as_mut()).await.is_pending());
    });
}

#[test]
fn many_handles_are_joined_at_once() {
    run(async || {
        let result = nursery(async |n| {
            let handles = (0..WIDE).map(|index| {
                n.spawn(async move {
                    yield_now().await;
                    Ok(index)
                })
            });
            let values = join_all(handles.collect::<Vec<_>>()).await;
            let sum: usize = values.into_iter().filter_map(Result::ok).sum();
            Ok::<_, E>(sum)
        });
        assert_eq!(result.await, Ok(WIDE * (WIDE - 1) / 2));
    });
}

#[test]
fn many_handles_are_cancelled_while_they_are_joined() {
    run(async || {
        let result = nursery(async |n| {
            let handles: Vec<_> = (0..WIDE / 10).map(|_| n.spawn(pending::<()>())).collect();
            n.spawn(async {
                settle().await;
                n.cancel();
            });
            let values = join_all(handles).await;
            Ok::<_, E>(values.into_iter().filter(Result::is_err).count())
        });
        assert_eq!(result.await, Ok(WIDE / 10));
    });
}
