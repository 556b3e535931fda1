//! `JoinHandle::cancel`: one child is cancelled, its siblings live on.

use crate::support::nurseries::{
    Count, E, Log, counted, listener, never, run, settle, std_connect,
};
use nestling::{nursery, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::pending;
use std::time::Duration;

#[test]
fn join_cancel_reaches_the_child_alone() {
    let (_, stats) = counted(async || {
        // One each: accepts of one listener ask anew when one of them is cancelled.
        let (quiet, neighbour, log) = (listener().await, listener().await, Log::default());
        let address = neighbour.local_addr().expect("an address");
        let result = nursery(async |n| {
            let one = n.spawn(async {
                let _gone = log.at_drop("gone");
                assert_eq!(never(&quiet).await, Err(E::Cancelled));
                log.say("told");
                nop().await?;
                log.say("never");
                Ok(())
            });
            let other = n.spawn(async { never(&neighbour).await });
            settle().await;
            one.cancel();
            one.cancel();
            assert!(!n.is_cancelled());
            assert!(one.await.is_err());
            assert_eq!(log.take(), ["told", "gone"]);
            settle().await;
            assert!(!other.is_finished());
            let _connection = std_connect(address);
            other.await?;
            n.spawn(async {}).await?;
            Ok::<_, E>(7)
        });
        assert_eq!(result.await, Ok(7));
    });
    assert_eq!((stats.cancel_requests, stats.cancelled), (1, 1), "{stats:?}");
}

/// What it makes of being told is derived, whatever the words; its value still counts.
#[test]
fn join_cancel_of_one_that_resolves_all_the_same() {
    let (_, stats) = counted(async || {
        let quiet = listener().await;
        let result = nursery(async |n| {
            let fails = n.spawn(async { never(&quiet).await.map_err(|_| E::Boom(1)) });
            let value = n.spawn(async { Ok(never(&quiet).await.is_err()) });
            settle().await;
            fails.cancel();
            value.cancel();
            assert!(fails.await.is_err());
            assert_eq!(value.await, Ok(true));
            assert!(!n.is_cancelled());
            Ok::<_, E>(2)
        });
        assert_eq!(result.await, Ok(2));
    });
    assert_eq!(stats.derived, 1, "{stats:?}");
}

/// Told nothing, it fails by itself: that is real.
#[test]
fn join_cancel_of_one_that_fails_by_itself() {
    run(async || {
        let result = nursery(async |n| {
            let child = n.spawn(async {
                shield(settle()).await;
                Err::<(), _>(E::Boom(3))
            });
            settle_once().await?;
            child.cancel();
            pending::<Result<(), E>>().await
        });
        assert_eq!(result.await, Err(E::Boom(3)));
    });
}

async fn settle_once() -> Result<(), E> {
    Ok(nop().await?)
}

#[test]
fn join_cancel_goes_down_the_tree() {
    run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let result = nursery(async |n| {
            let child = n.spawn(async {
                let inner = nursery(async |inner| {
                    for _ in 0..3 {
                        inner.spawn(async {
                            heard.add_if(never(&quiet).await == Err(E::Cancelled));
                        });
                    }
                    timeout(Duration::MAX, never(&quiet)).await.expect("never late")
                });
                let inner = inner.await;
                heard.add_if(inner == Err(E::Cancelled));
                inner
            });
            settle().await;
            child.cancel();
            assert!(child.await.is_err());
            assert_eq!(heard.get(), 4);
            assert!(!n.is_cancelled());
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
    });
}

#[test]
fn join_cancel_before_it_began_and_after_it_ended() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            let captured = log.at_drop("captured");
            let early = n.spawn(async move {
                let _captured = captured;
                panic!("never");
            });
            early.cancel();
            assert!(early.await.is_err());
            assert_eq!(log.take(), ["captured"]);
            let late = n.spawn(async { Ok(5) });
            settle().await;
            assert!(late.is_finished());
            late.cancel();
            assert_eq!(late.await, Ok(5));
            // The place of the one that ended is taken by another, which is not hit.
            let ended = n.spawn(async {});
            settle().await;
            let next = n.spawn(async {
                settle().await;
                Ok(6)
            });
            ended.cancel();
            assert_eq!(next.await, Ok(6));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// By a sibling, by itself, and in a circle.
#[test]
fn join_cancel_from_everywhere() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            let victim = n.spawn(async {
                let _gone = log.at_drop("victim");
                pending::<()>().await;
            });
            n.spawn(async move {
                settle().await;
                victim.cancel();
            });
            let own = Cell::new(None);
            let own: &Cell<Option<nestling::JoinHandle<'_, ()>>> = Box::leak(Box::new(own));
            own.set(Some(n.spawn(async {
                let _gone = log.at_drop("itself");
                nop().await?;
                let handle = own.take().expect("it was left there");
                handle.cancel();
                nop().await.expect("never");
                Ok(())
            })));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["itself", "victim"]);
    });
}

/// An ancestor's cancel that comes after it does not make it incomplete; one that came first does.
#[test]
fn join_cancel_and_an_ancestors_cancel() {
    run(async || {
        let quiet = listener().await;
        let work = nursery(async |n| {
            let child = n.spawn(async {
                shield(settle()).await;
                nop().await.expect("never");
            });
            never(&quiet).await?; // the deadline comes first
            child.cancel();
            Ok::<_, E>(1)
        });
        assert_eq!(timeout(Duration::ZERO, work).await, Ok(Err(E::Cancelled)), "the body was told");
        let first = nursery(async |outer| {
            let inner = nursery(async |n| {
                let child = n.spawn(pending::<()>());
                n.spawn(async move {
                    child.cancel();
                    outer.cancel();
                });
                Ok::<_, E>(1)
            });
            assert_eq!(inner.await, Ok(1), "the child had been asked to go");
            Ok::<_, E>(2)
        });
        assert_eq!(first.await, Ok(2));
        let later = nursery(async |outer| {
            let inner = nursery(async |n| {
                let child = n.spawn(pending::<()>());
                n.spawn(async move {
                    outer.cancel();
                    child.cancel();
                });
                Ok::<_, E>(1)
            });
            assert_eq!(inner.await, Err(E::Cancelled), "it was stopped from outside");
            Ok::<_, E>(2)
        });
        assert_eq!(later.await, Ok(2));
    });
}

#[test]
fn join_cancel_ten_thousand_one_by_one() {
    const MANY: u64 = 10_000;
    let (_, stats) = counted(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let result = nursery(async |n| {
            let child = async || {
                heard.add_if(never(&quiet).await.is_err());
                Ok(())
            };
            let handles: Vec<_> = (0..MANY).map(|_| n.spawn(child())).collect();
            while nestling::stats().in_flight < MANY {
                nop().await?;
            }
            handles.iter().for_each(|handle| handle.cancel());
            for handle in handles {
                handle.await?;
            }
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(heard.get(), MANY);
    });
    assert_eq!(stats.cancel_requests, MANY, "{stats:?}");
}
