//! `spawn_daemon`: a child that is not waited for, but stopped.

use crate::support::nurseries::{
    Count, E, Log, counted, listener, never, run, settle, throw, thrown,
};
use futures_util::FutureExt;
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{nursery, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn daemon_is_stopped_when_the_others_have_ended() {
    let (_, stats) = counted(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                let _gone = log.at_drop("daemon");
                never(&quiet).await
            });
            n.spawn_daemon(async {
                loop {
                    yield_now().await
                }
            });
            n.spawn_daemon(pending::<()>());
            n.spawn(async {
                let _gone = log.at_drop("child");
                for _ in 0..5 {
                    settle().await;
                }
            });
            settle().await;
            log.say("body");
            Ok::<_, E>(7)
        });
        assert_eq!(result.await, Ok(7), "it was meant to be stopped");
        assert_eq!(log.take(), ["body", "child", "daemon"]);
    });
    assert_eq!((stats.cancel_requests, stats.derived), (1, 1), "{stats:?}");
}

#[test]
fn daemon_outlives_the_children_while_the_body_runs() {
    run(async || {
        let served = Count::default();
        let (send, receive) = async_channel::bounded(1);
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                while receive.recv().await.is_ok() {
                    served.one();
                }
            });
            n.spawn(async {}).await?;
            for _ in 0..10 {
                send.send(()).await.expect("the daemon listens");
                settle().await;
            }
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(served.get(), 10);
    });
}

#[test]
fn daemon_without_company() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                // No rule says whether it ever begins, but it is gone in the end.
                let _gone = log.at_drop("gone");
                pending::<()>().await;
            });
            nop().await?;
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
        assert_eq!(log.take(), ["gone"]);
        // The nursery does not miss one that ends by itself.
        let result = nursery(async |n| {
            n.spawn_daemon(async {});
            settle().await;
            assert!(n.is_empty());
            n.spawn_daemon(async { Ok(()) });
            n.spawn(settle());
            Ok::<_, E>(2)
        });
        assert_eq!(result.await, Ok(2));
    });
}

#[test]
fn daemon_failures_and_panics_are_the_nurserys() {
    run(async || {
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                nop().await?;
                Err::<(), _>(E::Boom(1))
            });
            pending::<Result<(), E>>().await
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        // Also on its way out, when it was told nothing.
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                shield(settle()).await;
                Err::<(), _>(E::Boom(2))
            });
            nop().await?;
            Ok(())
        });
        assert_eq!(result.await, Err(E::Boom(2)));
        let work = nursery(async |n| {
            n.spawn_daemon(async {
                nop().await?;
                throw(3);
                #[expect(unreachable_code, reason = "the type of the output")]
                Ok(())
            });
            pending::<Result<(), E>>().await
        });
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!(thrown(&*payload), 3);
    });
}

/// What a daemon starts is a child like any other, and may start another daemon.
#[test]
fn daemon_starts_children_and_daemons() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                let _gone = log.at_drop("first daemon");
                n.spawn(async {
                    settle().await;
                    settle().await;
                    log.say("child");
                });
                n.spawn_daemon(async {
                    let _gone = log.at_drop("second daemon");
                    nop().await.expect("there is time");
                    n.spawn_daemon(async {
                        let _gone = log.at_drop("third daemon");
                        pending::<()>().await;
                    });
                    pending::<()>().await;
                });
                pending::<()>().await;
            });
            nop().await?;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let mut said = log.take();
        assert_eq!(said.remove(0), "child");
        said.sort_unstable();
        assert_eq!(said, ["first daemon", "second daemon", "third daemon"]);
    });
}

/// Started by a daemon that is stopped itself: the new one is stopped too, the new child is not.
#[test]
fn daemon_that_starts_others_on_its_way_out() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                nestling::cancelled().await;
                n.spawn_daemon(async {
                    let _gone = log.at_drop("daemon");
                    pending::<()>().await;
                });
                n.spawn(async {
                    settle().await;
                    log.say("child");
                });
            });
            nop().await?;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["child", "daemon"]);
    });
}

#[test]
fn daemon_in_a_shield_finishes() {
    run(async || {
        let finished = Cell::new(false);
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                loop {
                    shield(async {
                        sleep(MS).await;
                        settle().await;
                        finished.set(true);
                    })
                    .await;
                    pending::<()>().await;
                }
            });
            nop().await?;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(finished.get());
    });
}

#[test]
fn daemon_of_an_inner_nursery_is_its_own_matter() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |outer| {
            outer.spawn_daemon(async {
                let _gone = log.at_drop("outer");
                pending::<()>().await;
            });
            let inner = nursery(async |inner| {
                inner.spawn_daemon(async {
                    let _gone = log.at_drop("inner");
                    pending::<()>().await;
                });
                nop().await?;
                Ok::<_, E>(())
            });
            inner.await?;
            settle().await;
            log.say("inner returned");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["inner", "inner returned", "outer"]);
    });
}

#[test]
fn daemon_is_no_false_success() {
    run(async || {
        let work = nursery(async |n| {
            n.spawn_daemon(async {
                loop {
                    yield_now().await
                }
            });
            n.spawn(pending::<()>());
            Ok::<_, E>(())
        });
        assert_eq!(timeout(MS, work).await, Ok(Err(E::Cancelled)));
        // And a nursery that has nothing left but daemons does not wait for a deadline.
        let work = nursery(async |n| {
            n.spawn_daemon(async {
                loop {
                    yield_now().await
                }
            });
            Ok::<_, E>(4)
        });
        assert_eq!(timeout(Duration::MAX, work).await, Ok(Ok(4)));
    });
}

#[test]
fn daemon_in_a_cancelled_nursery_never_begins() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.cancel();
            let captured = log.at_drop("captured");
            n.spawn_daemon(async move {
                let _captured = captured;
                panic!("never");
            });
            assert_eq!(log.take(), ["captured"]);
            assert!(n.is_empty());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// A server that starts a daemon for every connection keeps nothing of those that have ended.
#[test]
fn daemon_handles_do_not_pile_up() {
    run(async || {
        let result = nursery(async |n| {
            for _ in 0..2000 {
                n.spawn_daemon(async {});
                settle_one().await?;
            }
            let kept = format!("{n:?}").matches("CancelHandle").count();
            assert!(kept <= 16, "{kept} are kept");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

async fn settle_one() -> Result<(), E> {
    Ok(nop().await?)
}
