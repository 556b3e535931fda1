//! Rule 5: what keeps a cancelled task must be certain to end by itself. A future that is polled no
//! more, because it lost a `select`, was forgotten, or waits in a set that is not polled, keeps
//! nothing, whatever is inside of it.

use crate::support::nurseries::{Count, E, Log, OnDrop, listener, never, run, settle};
use crate::support::poll_once;
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::net::TcpListener;
use nestling::task::cancel_called;
use nestling::time::sleep;
use nestling::{JoinHandle, Nursery, Started, cancelled, finally, nursery, race, shield};
use nestling::{shield_for, timeout};
use std::cell::RefCell;
use std::future::{Future, pending};
use std::mem::forget;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// What becomes of a future that was polled once.
#[derive(Debug, Clone, Copy)]
enum Way {
    Aside,
    Forgotten,
    /// In a set that is polled once, and no more.
    InASet,
    /// In a set that is not polled.
    IntoASet,
}

const WAYS: [Way; 4] = [Way::Aside, Way::Forgotten, Way::InASet, Way::IntoASet];

async fn leave(way: Way, mut inside: LocalBoxFuture<'_, ()>) {
    let mut set = FuturesUnordered::new();
    match way {
        Way::InASet => {
            set.push(inside);
            assert!(futures_util::poll!(set.next()).is_pending());
            sleep(LONG).await;
        }
        Way::Aside => {
            assert!(poll_once(inside.as_mut()).await.is_pending());
            sleep(LONG).await;
            inside.await;
        }
        Way::Forgotten => {
            assert!(poll_once(inside.as_mut()).await.is_pending());
            forget(inside);
            pending::<()>().await;
        }
        Way::IntoASet => {
            assert!(poll_once(inside.as_mut()).await.is_pending());
            set.push(inside);
            sleep(LONG).await;
            set.next().await;
        }
    }
}

/// What a child leaves.
type Inside = for<'s, 'e> fn(&'s Nursery<'s, 'e, E>, &'s TcpListener) -> LocalBoxFuture<'s, ()>;

fn inside<'a>(future: impl Future + 'a) -> LocalBoxFuture<'a, ()> {
    Box::pin(async { _ = future.await })
}

/// A child leaves a future in each of the ways and is cancelled, or does it when it has heard of
/// its cancel: that poll is its last but for what keeps it.
fn keeps_nothing(inside: Inside) {
    for (way, late) in WAYS.into_iter().flat_map(|way| [(way, false), (way, true)]) {
        run(async move || {
            let (quiet, log) = (listener().await, Log::default());
            let quiet = &quiet;
            let result = nursery(async |n| {
                n.spawn(async {
                    let _gone = log.at_drop("gone");
                    if late {
                        cancelled().await;
                    }
                    leave(way, inside(n, quiet)).await;
                    log.say("never");
                });
                settle().await;
                n.cancel();
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()), "{way:?}, late: {late}");
            assert_eq!(log.take(), ["gone"], "{way:?}, late: {late}");
        });
    }
}

#[test]
fn r05_an_operation_that_is_left() {
    keeps_nothing(|_, quiet| inside(never(quiet)));
}

#[test]
fn r05_a_join_that_is_left() {
    keeps_nothing(|n, _| inside(n.spawn(sleep(LONG))));
}

#[test]
fn r05_a_join_of_an_operation_that_is_left() {
    keeps_nothing(|n, quiet| inside(n.spawn(never(quiet))));
}

#[test]
fn r05_a_supervised_join_that_is_left() {
    keeps_nothing(|n, _| inside(n.supervise(sleep(LONG))));
}

#[test]
fn r05_a_start_that_is_left() {
    keeps_nothing(|n, _| {
        inside(n.start(async |up: Started<()>| {
            sleep(LONG).await;
            up.ready(());
        }))
    });
}

#[test]
fn r05_a_shield_that_is_left() {
    keeps_nothing(|_, _| inside(shield(sleep(LONG))));
}

#[test]
fn r05_a_shield_around_an_operation_that_is_left() {
    keeps_nothing(|_, quiet| inside(shield(never(quiet))));
}

#[test]
fn r05_a_bounded_shield_that_is_left() {
    keeps_nothing(|_, _| inside(shield_for(LONG, sleep(LONG))));
}

#[test]
fn r05_a_shield_in_a_timeout_that_is_left() {
    keeps_nothing(|_, _| inside(timeout(LONG, shield(sleep(LONG)))));
}

#[test]
fn r05_a_clean_up_that_is_left() {
    keeps_nothing(|_, _| inside(finally(async {}, async |_| sleep(LONG).await)));
}

#[test]
fn r05_a_race_that_is_left() {
    keeps_nothing(|_, quiet| inside(race([never(quiet)])));
}

#[test]
fn r05_a_nursery_that_is_left() {
    keeps_nothing(|_, _| {
        inside(nursery(async |m| {
            m.spawn(sleep(LONG));
            Ok::<_, E>(())
        }))
    });
}

#[test]
fn r05_a_nursery_with_an_operation_that_is_left() {
    keeps_nothing(|_, quiet| {
        inside(nursery(async |m| {
            m.spawn(never(quiet));
            Ok::<_, E>(())
        }))
    });
}

#[test]
fn r05_a_nursery_with_a_join_that_is_left() {
    keeps_nothing(|_, _| {
        inside(nursery(async |m| {
            let child = m.spawn(sleep(LONG));
            child.await?;
            Ok::<_, E>(())
        }))
    });
}

#[test]
fn r05_a_nursery_with_a_supervised_join_that_is_left() {
    keeps_nothing(|_, _| {
        inside(nursery(async |m| {
            let child = m.supervise(sleep(LONG));
            let _ = child.await;
            Ok::<_, E>(())
        }))
    });
}

#[test]
fn r05_a_nursery_with_a_start_that_is_left() {
    keeps_nothing(|_, _| {
        inside(nursery(async |m| {
            m.start(async |up: Started<()>| {
                sleep(LONG).await;
                up.ready(());
            })
            .await?;
            Ok::<_, E>(())
        }))
    });
}

#[test]
fn r05_a_nursery_with_a_shield_that_is_left() {
    keeps_nothing(|_, _| {
        inside(nursery(async |m| {
            m.spawn(shield(sleep(LONG)));
            Ok::<_, E>(())
        }))
    });
}

#[test]
fn r05_nested_nurseries_with_a_join_that_are_left() {
    keeps_nothing(|_, quiet| {
        inside(nursery(async |m| {
            m.spawn(async {
                let inner = nursery(async |o| {
                    let child = o.spawn(sleep(LONG));
                    child.await?;
                    Ok::<_, E>(())
                });
                inner.await
            });
            m.spawn(never(quiet)).await?;
            Ok::<_, E>(())
        }))
    });
}

#[test]
fn r05_a_nursery_inside_a_shield_that_is_left() {
    keeps_nothing(|_, _| {
        inside(shield(nursery(async |m| {
            m.spawn(sleep(LONG)).await?;
            Ok::<_, E>(())
        })))
    });
}

/// What was set aside goes with its task, long before the bound of a shield in it: also a child
/// that is not cancelled, for the shield is still around it. What that has in flight is joined.
#[test]
fn r05_a_child_inside_a_bounded_shield_goes_with_the_body_that_set_it_aside() {
    let log = run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let shielded = async || {
            let inside = nursery(async |o| {
                o.spawn(async {
                    let _gone =
                        OnDrop(|| log.say(if cancel_called() { "cancelled" } else { "cut" }));
                    never(&quiet).await
                });
                Ok::<_, E>(())
            });
            let _ = shield_for(LONG, inside).await;
            log.say("never");
        };
        let result = nursery(async |n| {
            n.spawn(nursery(async |_| {
                let _gone = log.at_drop("holder");
                let mut aside = Box::pin(nursery(async |m| {
                    m.spawn(shielded());
                    Ok::<_, E>(())
                }));
                assert!(poll_once(aside.as_mut()).await.is_pending());
                sleep(LONG).await;
                aside.await
            }));
            settle().await;
            log.say("fails");
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        assert_eq!(nestling::stats().in_flight, 0, "joined");
        log.take()
    });
    assert_eq!(log, ["fails", "cut", "holder"]);
}

/// What is left inside a task further in is no reason for those around it.
#[test]
fn r05_a_join_left_two_nurseries_further_in() {
    for way in WAYS {
        run(async move || {
            let log = Log::default();
            let result = nursery(async |n| {
                n.spawn(async {
                    let _gone = log.at_drop("gone");
                    let outer = nursery(async |m| {
                        m.spawn(async {
                            let inside = nursery(async |o| {
                                let child = o.spawn(sleep(LONG));
                                child.await?;
                                Ok::<_, E>(())
                            });
                            leave(way, Box::pin(async { _ = inside.await })).await;
                            Ok(())
                        });
                        Ok::<_, E>(())
                    });
                    let _ = outer.await;
                });
                settle().await;
                n.cancel();
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()), "{way:?}");
            assert_eq!(log.take(), ["gone"], "{way:?}");
        });
    }
}

/// What is polled is kept, also by a set that polls only what was woken.
#[test]
fn r05_joins_in_a_set_that_is_polled_are_answered() {
    const MANY: u64 = 20;
    let heard = run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let result = nursery(async |n| {
            let handles = (0..MANY).map(|_| {
                n.spawn(async {
                    assert_eq!(never(&quiet).await, Err(E::Cancelled));
                    Ok(1)
                })
            });
            let mut set = FuturesUnordered::from_iter(handles.collect::<Vec<_>>());
            n.spawn(async move {
                while let Some(joined) = set.next().await {
                    heard.add_if(joined.is_ok());
                }
                Ok(heard.get())
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        let _ = result.await;
        MANY
    });
    assert_eq!(heard, MANY);
}

/// A shield that was set aside keeps nothing; one that is taken up again does.
#[test]
fn r05_a_shield_that_is_taken_up_again() {
    let log = run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                let mut first = Box::pin(shield(async {
                    settle().await;
                    log.say("first");
                }));
                assert!(poll_once(first.as_mut()).await.is_pending());
                shield(async {
                    n.cancel();
                    settle().await;
                    settle().await;
                    log.say("second");
                })
                .await;
                first.await;
                sleep(LONG).await;
                log.say("never");
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(log, ["second", "first", "gone"]);
}

/// The second shield ends, and the first is still aside: that is the end of the task.
#[test]
fn r05_a_shield_aside_while_another_ends() {
    let log = run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                let mut first = Box::pin(shield(sleep(LONG)));
                assert!(poll_once(first.as_mut()).await.is_pending());
                shield(async {
                    n.cancel();
                    settle().await;
                    log.say("second");
                })
                .await;
                sleep(LONG).await;
                first.await;
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(log, ["second", "gone"]);
}

/// A circle beside a sibling that is kept for long: it is cut at once, and does not wait for that
/// one, which waits for it.
#[test]
fn r05_a_circle_is_cut_beside_a_shield_that_waits_for_it() {
    let log = run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            let slots: [RefCell<Option<JoinHandle<'_, ()>>>; 2] = Default::default();
            let slots = std::rc::Rc::new(slots);
            let (end, ended) = nestling::sync::oneshot::<()>();
            let end = RefCell::new(Some(end));
            let link = |own: usize| {
                let slots = std::rc::Rc::clone(&slots);
                let end = end.take();
                async move {
                    let _end = end;
                    let handle = slots[1 - own].take().expect("both are there");
                    handle.await?;
                    Ok(())
                }
            };
            let (one, two) = (n.spawn(link(0)), n.spawn(link(1)));
            slots[0].replace(Some(one));
            slots[1].replace(Some(two));
            let log = &log;
            n.spawn(shield(async move {
                let _ = ended.await;
                log.say("the circle is gone");
            }));
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(log, ["the circle is gone"]);
}

/// A shield inside a future of a foreign combinator, which is polled on; only the shield is not.
#[test]
fn r05_a_shield_aside_inside_a_set_that_is_polled() {
    let log = run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                let inside = async {
                    let mut aside = Box::pin(shield(settle()));
                    assert!(poll_once(aside.as_mut()).await.is_pending());
                    sleep(LONG).await;
                    aside.await;
                };
                let other = shield(async {
                    n.cancel();
                    settle().await;
                    settle().await;
                    log.say("other");
                });
                let futures: [LocalBoxFuture<'_, ()>; 2] = [Box::pin(inside), Box::pin(other)];
                let mut set = FuturesUnordered::from_iter(futures);
                while set.next().await.is_some() {}
                log.say("never");
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(log, ["other", "gone"]);
}

/// A timeout inside a foreign combinator elapses, whatever was set aside in it.
#[test]
fn r05_a_shield_aside_in_a_timeout_inside_a_set() {
    run(async || {
        let inside = async {
            let mut aside = Box::pin(shield(sleep(LONG)));
            assert!(poll_once(aside.as_mut()).await.is_pending());
            sleep(LONG).await;
        };
        let soon = Duration::from_millis(1);
        let mut set = FuturesUnordered::from_iter([timeout(soon, inside)]);
        assert!(set.next().await.expect("one is in it").is_err());
    });
}

/// Many shields in one set, each ended by itself: all of them are polled to their end.
#[test]
fn r05_shields_in_a_set_that_is_polled_are_kept() {
    const MANY: u64 = 100;
    let ended = run(async || {
        let ended = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let all = (0..MANY).map(|number| {
                    let ended = &ended;
                    shield(async move {
                        for _ in 0..number % 7 {
                            settle().await;
                            nestling::task::yield_now().await;
                        }
                        ended.one();
                    })
                });
                let mut set = FuturesUnordered::from_iter(all);
                while set.next().await.is_some() {}
                assert_eq!(ended.get(), MANY);
            });
            n.spawn(async { n.cancel() });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        ended.get()
    });
    assert_eq!(ended, MANY);
}

/// A circle through a handle in a set of a foreign combinator.
#[test]
fn r05_a_circle_through_a_set_is_cut() {
    run(async || {
        let result = nursery(async |n| {
            let slots: std::rc::Rc<[RefCell<Option<JoinHandle<'_, ()>>>; 2]> = Default::default();
            let link = |own: usize| {
                let slots = std::rc::Rc::clone(&slots);
                async move {
                    let handle = slots[1 - own].take().expect("both are there");
                    if own == 0 {
                        handle.await?;
                    } else {
                        let mut set = FuturesUnordered::from_iter([handle]);
                        set.next().await.expect("one is in it")?;
                    }
                    Ok(())
                }
            };
            let (one, two) = (n.spawn(link(0)), n.spawn(link(1)));
            slots[0].replace(Some(one));
            slots[1].replace(Some(two));
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
