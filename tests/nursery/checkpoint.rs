//! `checkpoint` and `yield_now`: a long computation lets others run, and can be cancelled.

use crate::support::nurseries::{Count, E, Log, OnDrop, run, settle};
use crate::support::poll_once;
use nestling::task::{checkpoint, yield_now};
use nestling::{nursery, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn checkpoint_returns_at_once_while_the_budget_lasts() {
    run(async || {
        nop().await.expect("a new turn");
        let first = (0..10_000).position(|_| {
            let mut here = pin!(checkpoint());
            futures_util::FutureExt::now_or_never(here.as_mut()).is_none()
        });
        // The number is the core's affair; that there is one is ours.
        assert!(first.is_some_and(|first| (10..1000).contains(&first)), "{first:?}");
    });
}

#[test]
fn checkpoint_ends_a_computation_that_is_cancelled() {
    run(async || {
        let (steps, log) = (Count::default(), Log::default());
        let compute = async || {
            let _gone = log.at_drop("gone");
            loop {
                steps.one();
                checkpoint().await;
            }
        };
        let late: Result<(), _> = timeout(MS, compute()).await;
        late.expect_err("it never ends by itself");
        let result = nursery(async |n| {
            n.spawn(async {
                settle().await;
                n.cancel();
            });
            n.spawn(compute());
            n.spawn(compute());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["gone"; 3]);
        // Cancelled before: the first one is the end, however much of the budget is left.
        let result = nursery(async |n| {
            n.cancel();
            let _gone = log.at_drop("body");
            checkpoint().await;
            log.say("never");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Cancelled));
        assert_eq!(log.take(), ["body"]);
    });
}

/// Two computations and a task that talks to the kernel: all get their turns.
#[test]
fn checkpoint_starves_nobody() {
    run(async || {
        let (stop, steps) = (Cell::new(false), [Count::default(), Count::default()]);
        let result = nursery(async |n| {
            for steps in &steps {
                n.spawn(async {
                    while !stop.get() {
                        steps.one();
                        checkpoint().await;
                    }
                });
            }
            for _ in 0..50 {
                nop().await?;
            }
            stop.set(true);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(steps.iter().all(|steps| steps.get() > 50));
    });
}

/// In a shield nothing is cancelled, so it goes on; the yield behind it is the end.
#[test]
fn checkpoint_in_a_shield() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                n.cancel();
                shield(async {
                    for _ in 0..1000 {
                        checkpoint().await;
                        yield_now().await;
                    }
                    log.say("done");
                })
                .await;
                checkpoint().await;
                log.say("never");
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["done"]);
    });
}

/// A yield that was cut leaves nothing that wakes; one that is dropped half-way neither.
#[test]
fn checkpoint_dropped() {
    run(async || {
        let ended = Count::default();
        let result = nursery(async |n| {
            for _ in 0..1000 {
                n.spawn(async {
                    let _ended = OnDrop(|| ended.one());
                    assert!(poll_once(pin!(yield_now())).await.is_pending());
                    loop {
                        checkpoint().await;
                    }
                });
            }
            nop().await?;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(ended.get(), 1000);
    });
}
