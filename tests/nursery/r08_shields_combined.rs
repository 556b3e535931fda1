//! Rule 8 in company: shields in combinators, nested, many, moved, and dropped in any order.

use crate::support::nurseries::{
    Count, E, Log, OnDrop, Parked, accept, counted, listener, never, run, settle, std_connect,
};
use crate::support::poll_once;
use futures_util::future::{Either, select};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use nestling::time::sleep;
use nestling::{nursery, shield, shield_for, task, timeout};
use nestling_runtime::lowlevel::{Shield, nop};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::mem::forget;
use std::pin::{Pin, pin};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

#[test]
fn r08_a_shield_that_loses_a_select_is_cancelled_like_anything_else() {
    let (_, stats) = counted(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                let shielded = Box::pin(shield(never(&quiet)));
                match select(shielded, Box::pin(shield(settle()))).await {
                    Either::Left(_) => unreachable!("nobody connects"),
                    Either::Right(((), shielded)) => drop(shielded),
                }
                log.say("selected");
                pending::<()>().await;
            });
            nop().await?;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["selected", "gone"]);
    });
    assert_eq!(stats.cancel_requests, 1, "{stats:?}");
}

/// One arm is shielded, the other is not: each as if it were alone.
#[test]
fn r08_beside_an_arm_that_is_not_shielded() {
    run(async || {
        let (quiet, other, log) = (listener().await, listener().await, Log::default());
        let address = quiet.local_addr().expect("an address");
        let connection = Cell::new(None);
        let result = nursery(async |n| {
            n.spawn(async {
                let shielded = shield(async {
                    let accepted = accept(&quiet).await;
                    log.say("shielded");
                    accepted.map(drop)
                });
                let open = async {
                    assert_eq!(never(&other).await, Err(E::Cancelled));
                    log.say("cancelled");
                    connection.set(Some(std_connect(address)));
                    // The task is kept, but this arm has had its answer.
                    sleep(Duration::ZERO).await;
                    log.say("never");
                };
                let (shielded, ()) = futures_util::join!(shielded, open);
                shielded
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["cancelled", "shielded"]);
    });
}

#[test]
fn r08_in_a_select_macro() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let mut flush = pin!(shield(settle()).fuse());
                loop {
                    let mut next = pin!(never(&quiet).fuse());
                    futures_util::select! {
                        () = flush => break log.say("flushed"),
                        answer = next => log.say(if answer.is_err() { "told" } else { "?" }),
                    }
                }
                task::yield_now().await;
                log.say("never");
            });
            nop().await?;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["told", "flushed"]);
    });
}

/// A combinator polls only those of its futures that were woken: the others are shields as well.
#[test]
fn r08_many_in_one_child() {
    const MANY: u64 = 200;
    let (_, stats) = counted(async || {
        let (quiet, done) = (listener().await, Count::default());
        let address = quiet.local_addr().expect("an address");
        let connections = RefCell::new(Vec::new());
        let result = nursery(async |n| {
            n.spawn(async {
                let one = || shield(async { done.add_if(accept(&quiet).await.is_ok()) });
                let mut all: FuturesUnordered<_> = (0..MANY).map(|_| one()).collect();
                while all.next().await.is_some() {}
                assert_eq!(done.get(), MANY);
            });
            settle().await;
            n.cancel();
            // One after the other, each in turns of its own.
            let connect = async {
                for _ in 0..MANY {
                    connections.borrow_mut().push(std_connect(address));
                    nop().await?;
                }
                Ok::<_, E>(())
            };
            shield(connect).await
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(done.get(), MANY);
    });
    assert_eq!((stats.cancel_requests, stats.withdrawn), (0, 0), "{stats:?}");
}

type Level<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Shields and timeouts by turns, thousands deep.
#[test]
fn r08_shields_and_timeouts_nest_deeply() {
    fn nested<'a>(levels: u32, bottom: Level<'a>) -> Level<'a> {
        (0..levels).fold(bottom, |inner, level| match level % 3 {
            0 => Box::pin(shield(inner)),
            1 => Box::pin(async { timeout(LONG, inner).await.expect("time enough") }),
            _ => Box::pin(async {
                let result = nursery(async |n| {
                    n.spawn(inner);
                    Ok::<_, E>(())
                });
                result.await.expect("nothing fails");
            }),
        })
    }
    let worker = std::thread::Builder::new().stack_size(512 << 20);
    let work = || {
        run_here(async || {
            let log = Log::default();
            let bottom = Box::pin(async {
                settle().await;
                settle().await;
                log.say("bottom");
            });
            let result = nursery(async |n| {
                n.spawn(async {
                    shield(nested(3000, bottom)).await;
                    task::yield_now().await;
                    log.say("never");
                });
                settle().await;
                n.cancel();
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            assert_eq!(log.take(), ["bottom"]);
        });
    };
    worker.spawn(work).expect("a thread").join().expect("no panic");
}

/// On this thread, whose stack the test has chosen.
fn run_here(test: impl AsyncFnOnce()) {
    nestling::block_on(test());
}

#[test]
fn r08_an_outer_shield_stays_when_an_inner_one_ends() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let outer = async {
                    shield(shield(settle())).await;
                    log.say("inner");
                    nop().await?;
                    sleep(MS).await;
                    log.say("outer");
                    Ok::<_, E>(())
                };
                shield(outer).await?;
                task::yield_now().await;
                log.say("never");
                Ok(())
            });
            nop().await?;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["inner", "outer"]);
    });
}

/// A nursery as wide as a busy server, every child in a shield: linear, and all finish.
#[test]
fn r08_ten_thousand_shields_wide() {
    const WIDE: u64 = 10_000;
    let (done, stats) = counted(async || {
        let done = Count::default();
        let result = nursery(async |n| {
            for _ in 0..WIDE {
                n.spawn(async {
                    shield(async {
                        nop().await.expect("shielded");
                        nop().await.expect("shielded");
                    })
                    .await;
                    done.one();
                    nop().await.expect("never");
                    done.one();
                });
            }
            nop().await?;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        done.get()
    });
    assert_eq!(done, WIDE);
    assert_eq!((stats.cancel_requests, stats.withdrawn), (0, 0), "{stats:?}");
    assert!(stats.submitted <= 2 * WIDE + 1, "{stats:?}");
}

/// In every order in which two shields of one task, or one inside the other, can go, before and
/// after the cancel, it is kept as long as one is there and no longer.
#[test]
fn r08_dropped_in_any_order() {
    for nested in [false, true] {
        for first in [0, 1] {
            for early in [false, true] {
                let log = run(async move || in_order(nested, first, early).await);
                assert_eq!(log, ["one left", "none left", "gone"], "{nested} {first} {early}");
            }
        }
    }
}

async fn in_order(nested: bool, first: usize, early: bool) -> Vec<&'static str> {
    let log = Log::default();
    let result = nursery(async |n| {
        n.spawn(async {
            let _gone = log.at_drop("gone");
            let outer = Shield::new();
            let inner = if nested { outer.run(Shield::new) } else { Shield::new() };
            let mut shields = [Some(outer), Some(inner)];
            if !early {
                n.cancel();
            }
            // What waits unshielded is not cut while a shield is there, and does not go on.
            let wait = pending::<()>();
            let go = async {
                let turns = Shield::new();
                let mut turn = pin!(settle());
                std::future::poll_fn(|cx| turns.run(|| turn.as_mut().poll(cx))).await;
                drop(shields[first].take());
                log.say("one left");
                if early {
                    n.cancel();
                }
                let mut turn = pin!(settle());
                std::future::poll_fn(|cx| turns.run(|| turn.as_mut().poll(cx))).await;
                drop(shields[1 - first].take());
                log.say("none left");
                drop(turns);
            };
            futures_util::join!(go, wait);
        });
        Ok::<_, E>(())
    });
    assert_eq!(result.await, Ok(()));
    log.take()
}

/// It is the task that polls a shield that is kept for it, not the one in which it began.
#[test]
fn r08_a_shield_that_is_polled_by_another_task() {
    let (_, stats) = counted(async || {
        let (quiet, log) = (listener().await, Log::default());
        let address = quiet.local_addr().expect("an address");
        let parked: Parked = RefCell::default();
        let mut shielded: Pin<Box<dyn Future<Output = Result<(), E>>>> =
            Box::pin(shield(async move { never(&quiet).await }));
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("first is gone");
                assert!(poll_once(shielded.as_mut()).await.is_pending());
                parked.replace(Some(shielded));
                pending::<()>().await;
            });
            n.spawn(async {
                settle().await;
                let shielded = parked.take().expect("it was left there");
                log.say("second polls");
                assert_eq!(shielded.await, Ok(()));
                log.say("shielded");
                task::yield_now().await;
                log.say("never");
                Ok(())
            });
            settle().await;
            settle().await;
            n.cancel();
            shield(settle()).await;
            let _connection = std_connect(address);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["second polls", "first is gone", "shielded"]);
    });
    assert_eq!(stats.cancel_requests, 0, "{stats:?}");
}

/// The task in which it began ends first.
#[test]
fn r08_a_shield_that_outlives_the_task_in_which_it_began() {
    run(async || {
        let quiet = listener().await;
        let address = quiet.local_addr().expect("an address");
        let parked: Parked = RefCell::default();
        let mut shielded: Pin<Box<dyn Future<Output = Result<(), E>>>> =
            Box::pin(shield(async move { never(&quiet).await }));
        let accepted = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                assert!(poll_once(shielded.as_mut()).await.is_pending());
                parked.replace(Some(shielded));
            });
            settle().await;
            n.spawn(async {
                let shielded = parked.take().expect("it was left there");
                accepted.add_if(shielded.await.is_ok());
            });
            settle().await;
            n.cancel();
            shield(settle()).await;
            let _connection = std_connect(address);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(accepted.get(), 1);
    });
}

/// A shield that a task has polled and then given away does not keep it: the task does not poll it
/// any more. Dropping the shield later is harmless.
#[test]
fn r08_a_shield_that_is_dropped_by_another_task() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let shared: Parked = RefCell::default();
        let shielded = Box::pin(shield(async move { never(&quiet).await }));
        let inner = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                let mut shielded: Pin<Box<dyn Future<Output = Result<(), E>>>> = shielded;
                assert!(poll_once(shielded.as_mut()).await.is_pending());
                shared.replace(Some(shielded));
                pending::<()>().await;
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        let other = async {
            settle().await;
            settle().await;
            assert_eq!(log.take(), ["gone"], "it is not kept");
            drop(shared.take());
        };
        let (result, ()) = futures_util::join!(inner, other);
        assert_eq!(result, Ok(()));
        assert!(log.take().is_empty());
    });
}

/// A forgotten shield holds up a task that is cancelled, but none that ends.
#[test]
fn r08_a_forgotten_shield_goes_with_its_task() {
    run(async || {
        let result = nursery(async |n| {
            n.spawn(async {
                forget(Shield::new());
                let _told = nop().await;
            });
            n.spawn(async {
                forget(Shield::new());
                nop().await?;
                n.cancel();
                Ok(())
            });
            forget(timeout(LONG, shield(pending::<()>())));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// A nursery in a shield that is dropped early: its children go, and the scope around joins what
/// they had in flight.
#[test]
fn r08_a_nursery_in_a_shield_that_is_dropped_early() {
    let (_, stats) = counted(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let inner = nursery(async |n| {
                    for _ in 0..10 {
                        n.spawn(async {
                            let _gone = log.at_drop("gone");
                            never(&quiet).await
                        });
                    }
                    Ok::<_, E>(())
                });
                let inner = Box::pin(shield(inner));
                drop(select(inner, Box::pin(shield(settle()))).await);
                assert_eq!(log.take(), ["gone"; 10]);
                sleep(Duration::ZERO).await;
                log.say("never");
            });
            nop().await?;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(log.take().is_empty());
        assert_eq!(nestling::stats().in_flight, 0, "joined");
    });
    assert_eq!(stats.cancel_requests, 10, "{stats:?}");
}

/// Cancelled from the inside of the shield, by a destructor, and by what it runs.
#[test]
fn r08_cancelled_from_inside_the_shield() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let inside = async {
                    n.cancel();
                    nop().await.expect("not cancelled in here");
                    log.say("inside");
                };
                shield_for(LONG, inside).await.expect("time enough");
                log.say("after");
                nop().await.expect("never");
                log.say("never");
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["inside", "after"]);
        let result = nursery(async |n| {
            n.spawn(shield(async {
                let _cancels = OnDrop(|| n.cancel());
                settle().await;
            }));
            n.spawn(pending::<()>());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// A handle awaited inside a shield is waited for, though the child that it belongs to is cut.
#[test]
fn r08_a_join_inside_a_shield() {
    run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let result = nursery(async |n| {
            let cut = n.spawn(pending::<()>());
            let told = n.spawn(async { never(&quiet).await });
            let finishes = n.spawn(async {
                shield(settle()).await;
                Ok(7)
            });
            n.spawn(shield(async {
                heard.add_if(cut.await.is_err());
                heard.add_if(told.await.is_err());
                heard.add_if(finishes.await == Ok(7));
            }));
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(heard.get(), 3);
    });
}
