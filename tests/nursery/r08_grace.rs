//! Rule 8, with a bound that counts from the cancel: what is inside a grace hears of the cancel,
//! and runs on until it ends or its time is up.

use crate::support::nurseries::{
    Count, E, Log, accept, counted, listener, never, run, settle, std_connect,
};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::time::{Instant, sleep};
use nestling::{Options, Stop, grace, nursery, nursery_with, shield, task, timeout};
use std::cell::Cell;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

/// Runs a child, cancels it when it waits, and tells how the nursery ended.
async fn cancelled_in(child: impl AsyncFnOnce() -> Result<(), E>) -> Result<(), E> {
    nursery(async |n| {
        n.spawn(async { child().await });
        settle().await;
        n.cancel();
        Ok(())
    })
    .await
}

#[test]
fn r08_a_grace_without_a_cancel_has_no_bound() {
    run(async || {
        let ended = grace(Duration::ZERO, async |stop| {
            sleep(2 * MS).await;
            settle().await;
            stop.is_requested()
        });
        assert_eq!(ended.await, Ok(false));
    });
}

#[test]
fn r08_operations_in_a_grace_go_on_after_the_cancel() {
    let (log, stats) = counted(async || {
        let (quiet, log) = (listener().await, Log::default());
        let address = quiet.local_addr().expect("an address");
        let result = cancelled_in(async || {
            let ended = grace(LONG, async |stop| {
                // Both at once: the accept is in flight when the cancel comes.
                let told = async {
                    stop.requested().await;
                    log.say("told");
                    std_connect(address)
                };
                let (accepted, _peer) = futures_util::join!(accept(&quiet), told);
                accepted?;
                log.say("accepted");
                sleep(MS).await;
                log.say("slept");
                Ok::<_, E>(())
            });
            ended.await.expect("the time is not up")
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(log, ["told", "accepted", "slept"]);
    assert_eq!((stats.cancel_requests, stats.cancelled), (0, 0), "{stats:?}");
}

#[test]
fn r08_a_grace_is_cut_when_its_time_is_up() {
    run(async || {
        let (log, quiet) = (Log::default(), listener().await);
        let result = cancelled_in(async || {
            let ended = grace(MS, async |_| {
                let _cut = log.at_drop("cut");
                let answered = never(&quiet).await;
                assert!(answered.is_err(), "the operation answers once more");
                log.say("answered");
                pending::<()>().await;
            });
            assert!(ended.await.is_err());
            log.say("elapsed");
            task::yield_now().await;
            log.say("not the end");
            Ok(())
        });
        assert_eq!(result.await, Ok(()), "the nursery asked for it");
        assert_eq!(log.take(), ["answered", "cut", "elapsed"]);
    });
}

#[test]
fn r08_a_grace_in_a_cancelled_task_counts_from_its_call() {
    run(async || {
        let heard = Cell::new(false);
        let result = cancelled_in(async || {
            nestling::cancelled().await;
            let ended = grace(MS, async |stop| {
                heard.set(stop.is_requested());
                stop.requested().await;
                pending::<()>().await;
            });
            assert!(ended.await.is_err());
            Ok(())
        });
        assert_eq!((result.await, heard.get()), (Ok(()), true));
    });
}

#[test]
fn r08_graces_inside_each_other_hear_together_and_have_their_own_time() {
    run(async || {
        let log = Log::default();
        let result = cancelled_in(async || {
            let outer = grace(LONG, async |_| {
                let inner = grace(MS, async |stop| {
                    stop.requested().await;
                    log.say("inner told");
                    pending::<()>().await;
                });
                assert!(inner.await.is_err());
                log.say("inner cut");
                // Behind the inner one the outer grace goes on.
                sleep(MS).await;
                "the outer's value"
            });
            assert_eq!(outer.await, Ok("the outer's value"));
            log.say("outer done");
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["inner told", "inner cut", "outer done"]);
    });
}

#[test]
fn r08_a_longer_grace_inside_a_shorter_one_is_like_a_shield() {
    run(async || {
        let done = Cell::new(false);
        let result = cancelled_in(async || {
            let outer = grace(Duration::ZERO, async |_| {
                let inner = grace(LONG, async |stop| {
                    stop.requested().await;
                    sleep(2 * MS).await;
                    done.set(true);
                });
                let _ = inner.await;
                pending::<()>().await;
            });
            assert!(outer.await.is_err());
            Ok(())
        });
        assert_eq!((result.await, done.get()), (Ok(()), true));
    });
}

#[test]
fn r08_all_children_inside_a_grace_hear() {
    run(async || {
        let heard = Count::default();
        let result = cancelled_in(async || {
            let ended = grace(LONG, async |stop: &Stop| {
                nursery(async |n| {
                    for _ in 0..3 {
                        n.spawn(async {
                            stop.requested().await;
                            heard.one();
                        });
                    }
                    let stop = stop.clone();
                    n.spawn(async move {
                        grace(LONG, async |mine| mine.requested().await)
                            .await
                            .map_err(|_| E::Boom(1))?;
                        assert!(stop.is_requested());
                        Ok(())
                    });
                    Ok::<_, E>(())
                })
                .await
            });
            ended.await.expect("they all end")
        });
        assert_eq!((result.await, heard.get()), (Ok(()), 3));
    });
}

#[test]
fn r08_deadlines_around_a_grace_are_a_cancel() {
    run(async || {
        let told = Cell::new(false);
        let work = grace(LONG, async |stop| {
            stop.requested().await;
            told.set(true);
            7
        });
        assert_eq!(timeout(MS, work).await.ok(), Some(Ok(7)));
        assert!(told.take());
        let options = Options { deadline: Some(Instant::now()), ..Options::default() };
        let own = nursery_with(options, async |_| {
            let ended = grace(MS, async |_| pending::<()>().await).await;
            told.set(ended.is_err());
            Ok::<_, E>(())
        });
        assert_eq!(own.await, Ok(()), "nothing was stopped on the way to the value");
        assert!(told.get());
    });
}

#[test]
fn r08_a_grace_in_a_foreign_combinator_hears() {
    run(async || {
        let told = Cell::new(false);
        let result = cancelled_in(async || {
            // It polls its futures only if their own wakers are woken.
            let mut all = FuturesUnordered::from_iter([grace(LONG, async |stop| {
                stop.requested().await;
                sleep(MS).await;
                told.set(true);
            })]);
            assert_eq!(all.next().await, Some(Ok(())));
            Ok(())
        });
        assert_eq!((result.await, told.get()), (Ok(()), true));
    });
}

/// A shield around it keeps the cancel away, as from all code inside.
#[test]
fn r08_a_grace_behind_a_shield_does_not_hear() {
    run(async || {
        let told = Cell::new(true);
        let result = cancelled_in(async || {
            shield(grace(LONG, async |stop| {
                settle().await;
                sleep(2 * MS).await;
                told.set(stop.is_requested());
            }))
            .await
            .map_err(|_| E::Boom(1))
        });
        assert_eq!((result.await, told.get()), (Ok(()), false));
    });
}

#[test]
fn r06_a_loop_of_graces_in_a_cancelled_task_ends() {
    run(async || {
        let (begun, quiet) = (Count::default(), listener().await);
        let result = cancelled_in(async || {
            never(&quiet).await.unwrap_err();
            loop {
                let ended = grace(LONG, async |_| {
                    begun.one();
                    ready(false).await
                });
                if ended.await == Ok(true) {
                    return Ok(());
                }
            }
        });
        assert_eq!(result.await, Ok(()));
        assert!(begun.get() <= 250, "{}", begun.get());
    });
}

#[test]
fn r13_the_panic_of_a_grace_comes_out() {
    let caught = catch_unwind(AssertUnwindSafe(|| {
        let panics = grace(LONG, async |_| -> () { panic!("inside") });
        nestling::block_on(panics)
    }));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"inside"));
}

#[test]
fn r12_a_grace_that_is_dropped_cancels_what_it_has_in_flight() {
    let ((), stats) = counted(async || {
        let quiet = listener().await;
        {
            let mut work = pin!(grace(LONG, async |_| never(&quiet).await));
            assert!(futures_util::poll!(work.as_mut()).is_pending());
            settle().await;
        }
        settle().await;
    });
    assert_eq!((stats.in_flight, stats.cancel_requests), (0, 1), "{stats:?}");
}
