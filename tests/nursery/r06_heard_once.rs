//! Rule 6: a cancel is delivered to a task at most once. A loop around any await that says
//! "cancelled" ends with its second turn, whatever the await is.

use crate::support::nurseries::{Count, E, Log, listener, never, run, settle};
use futures_util::future::{FutureExt, LocalBoxFuture, select};
use nestling::net::TcpListener;
use nestling::sync::Notify;
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{
    Nursery, Started, cancelled, finally, for_each_limit, nursery, nursery_all, race, shield,
    shield_for, timeout,
};
use nestling_runtime::lowlevel::nop;
use std::future::pending;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_secs(3600);

/// One try, in a child of the nursery; tells if it succeeded.
type Attempt = for<'s, 'e> fn(&'s Nursery<'s, 'e, E>, &'s TcpListener) -> LocalBoxFuture<'s, bool>;

/// A child tries until it succeeds, which it never does; it is cancelled in its first try. Gives
/// back how often it tried.
fn tries(attempt: Attempt) -> u64 {
    run(async move || {
        let (quiet, tries, log) = (listener().await, Count::default(), Log::default());
        let quiet = &quiet;
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                loop {
                    tries.one();
                    if attempt(n, quiet).await {
                        break;
                    }
                }
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["gone"]);
        tries.get()
    })
}

#[test]
fn r06_a_loop_around_a_nursery_ends() {
    let tries = tries(|_, quiet| {
        Box::pin(async move {
            let session = nursery(async |session| {
                session.spawn(never(quiet));
                Ok::<_, E>(())
            });
            session.await.is_ok()
        })
    });
    assert_eq!(tries, 2);
}

#[test]
fn r06_a_loop_around_a_nursery_that_waits_in_its_body_ends() {
    assert_eq!(
        tries(|_, quiet| Box::pin(
            async move { nursery(async |_| never(quiet).await).await.is_ok() }
        )),
        2
    );
}

#[test]
fn r06_a_loop_around_nursery_all_ends() {
    let tries = tries(|_, quiet| {
        Box::pin(async move {
            let session = nursery_all(async |session| {
                session.spawn(never(quiet));
                Ok::<_, E>(())
            });
            session.await.is_ok()
        })
    });
    assert_eq!(tries, 2);
}

#[test]
fn r06_a_loop_around_race_ends() {
    assert_eq!(
        tries(|_, quiet| Box::pin(async move { race([never(quiet), never(quiet)]).await.is_ok() })),
        2
    );
}

#[test]
fn r06_a_loop_around_for_each_limit_ends() {
    let tries = tries(|_, quiet| {
        Box::pin(async move { for_each_limit(2, 0..3, async |_| never(quiet).await).await.is_ok() })
    });
    assert_eq!(tries, 2);
}

#[test]
fn r06_a_loop_around_a_timeout_around_a_nursery_ends() {
    let tries = tries(|_, quiet| {
        Box::pin(async move {
            let session = nursery(async |_| never(quiet).await);
            matches!(timeout(LONG, session).await, Ok(Ok(())))
        })
    });
    assert_eq!(tries, 2);
}

#[test]
fn r06_a_loop_around_a_join_handle_ends() {
    assert_eq!(tries(|n, quiet| Box::pin(async move { n.spawn(never(quiet)).await.is_ok() })), 2);
}

#[test]
fn r06_a_loop_around_a_timeout_around_a_join_handle_ends() {
    let tries = tries(|n, quiet| {
        Box::pin(async move { matches!(timeout(LONG, n.spawn(never(quiet))).await, Ok(Ok(_))) })
    });
    assert_eq!(tries, 2);
}

/// The worker that is started again.
#[test]
fn r06_a_loop_around_a_supervised_child_ends() {
    let tries = tries(|n, quiet| {
        Box::pin(async move {
            let worker = n.supervise(async {
                never(quiet).await.expect("the connection is lost");
            });
            match worker.await {
                Ok(()) => true,
                Err(_) => false,
            }
        })
    });
    // The worker's operation answers, and the worker makes a panic of it: that is no cancellation.
    assert_eq!(tries, 3);
}

#[test]
fn r06_a_loop_around_start_ends() {
    let tries = tries(|n, quiet| {
        Box::pin(async move {
            let ready = n.start(async |up: Started<()>| {
                never(quiet).await?;
                up.ready(());
                Ok(())
            });
            ready.await.is_ok()
        })
    });
    assert_eq!(tries, 2);
}

#[test]
fn r06_a_loop_around_cancelled_ends() {
    let tries = tries(|_, _| {
        Box::pin(async move {
            cancelled().await;
            false
        })
    });
    assert_eq!(tries, 2);
}

#[test]
fn r06_a_loop_around_finally_ends() {
    let tries = tries(|_, quiet| {
        Box::pin(async move {
            let session = nursery(async |_| never(quiet).await);
            finally(session, async |_| yield_now().await).await.is_ok()
        })
    });
    assert_eq!(tries, 2);
}

/// Different constructs count together: it is the task that hears, not the construct.
#[test]
fn r06_after_an_operation_a_nursery_does_not_answer() {
    let tries = tries(|_, quiet| {
        Box::pin(async move {
            never(quiet).await.is_ok() || nursery(async |_| never(quiet).await).await.is_ok()
        })
    });
    assert_eq!(tries, 1);
}

#[test]
fn r06_in_a_nursery_further_inside_each_task_hears_once() {
    let tries = tries(|_, quiet| {
        Box::pin(async move {
            let session = nursery(async |_| {
                let deeper = nursery(async |_| {
                    let handles = nursery(async |m| Ok::<_, E>(m.spawn(never(quiet)).await?));
                    handles.await
                });
                deeper.await
            });
            session.await.is_ok()
        })
    });
    assert_eq!(tries, 2);
}

/// A nursery that succeeds although it was opened too late says nothing of the cancel, so a loop
/// around it is no delivery; it ends all the same.
#[test]
fn r06_a_loop_around_a_nursery_that_succeeds_at_once_ends() {
    let tries = tries(|_, quiet| {
        Box::pin(async move {
            never(quiet).await.expect_err("it is cancelled");
            while nursery(async |_| Ok::<_, E>(())).await.is_ok() {}
            true
        })
    });
    assert_eq!(tries, 1);
}

#[test]
fn r06_a_loop_around_a_nursery_that_fails_at_once_ends() {
    let tries = tries(|_, quiet| {
        Box::pin(async move {
            let _ = never(quiet).await;
            while nursery(async |_| Err::<(), _>(E::Boom(1))).await.is_err() {}
            true
        })
    });
    assert_eq!(tries, 1);
}

/// In a cancelled task, this begins some times, which is enough for an end in good order.
fn begins(attempt: Attempt) {
    let tries = tries(attempt);
    assert!(tries > 200, "it has begun {tries} times");
}

/// What goes on inside a shield hears of no cancel, so each of them succeeds, or fails by itself.
#[test]
fn r06_a_loop_around_a_shield_ends() {
    begins(|_, _| Box::pin(shield(async { nop().await.is_err() })));
    begins(|_, _| Box::pin(shield(yield_now().map(|()| false))));
    begins(|_, _| Box::pin(async { shield_for(LONG, nop().map(|_| false)).await == Ok(true) }));
}

#[test]
fn r06_a_loop_around_a_clean_up_that_waits_ends() {
    begins(|_, _| Box::pin(finally(async { false }, async |_| _ = nop().await)));
}

#[test]
fn r06_a_loop_around_a_timeout_around_a_clean_up_or_a_shield_ends() {
    begins(|_, _| {
        let cleaned_up = finally(async {}, async |_: Option<&()>| _ = nop().await);
        Box::pin(timeout(LONG, cleaned_up).map(|_| false))
    });
    begins(|_, _| Box::pin(timeout(LONG, shield(nop())).map(|_| false)));
}

/// They count in the task, not in the timeout around each.
#[test]
fn r06_a_loop_around_a_timeout_around_a_nursery_that_fails_by_itself_ends() {
    begins(|_, _| {
        let fails = nursery(async |_| {
            _ = shield(nop()).await;
            Err::<(), _>(E::Boom(1))
        });
        Box::pin(timeout(LONG, fails).map(|_| false))
    });
}

#[test]
fn r06_a_loop_around_a_shield_that_is_selected_ends() {
    begins(|_, _| {
        let answered = select(shield(nop()).boxed_local(), cancelled().boxed_local());
        Box::pin(answered.map(|_| false))
    });
}

/// The one who cancels still joins; what it joins after that is its end.
#[test]
fn r06_the_canceller_joins_once() {
    let log = run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            let _gone = log.at_drop("gone");
            let (one, two) = (n.spawn(never(&quiet)), n.spawn(never(&quiet)));
            settle().await;
            n.cancel();
            assert!(one.await.is_err());
            log.say("joined");
            let _ = two.await;
            log.say("never");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Cancelled));
        log.take()
    });
    assert_eq!(log, ["joined", "gone"]);
}

/// Values are no delivery: all of them are handed over in the last poll.
#[test]
fn r06_values_of_children_are_joined_after_the_cancel() {
    const MANY: u64 = 300;
    let sum = run(async || {
        let sum = nursery(async |n| {
            let handles: Vec<_> =
                (0..MANY).map(|value| n.spawn(async move { Ok(value) })).collect();
            settle().await;
            n.cancel();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await?;
            }
            Ok::<_, E>(sum)
        });
        sum.await
    });
    assert_eq!(sum, Ok(MANY * (MANY - 1) / 2));
}

/// What was in flight when the cancel came answers in any case: its buffers come back.
#[test]
fn r06_all_operations_in_flight_answer() {
    let heard = run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let all = futures_util::future::join_all((0..5).map(|_| never(&quiet)));
                all.await.iter().for_each(|answer| heard.add_if(*answer == Err(E::Cancelled)));
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        heard.get()
    });
    assert_eq!(heard, 5);
}

#[test]
fn r06_a_shield_begins_anew() {
    let log = run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                assert_eq!(never(&quiet).await, Err(E::Cancelled));
                let goodbye = async {
                    for _ in 0..2 {
                        // A cancel inside the shield, of which the task has not heard.
                        let inside = nursery(async |m| {
                            m.cancel();
                            never(&quiet).await
                        });
                        assert_eq!(inside.await, Err(E::Cancelled));
                        log.say("inside");
                    }
                    settle().await;
                };
                shield_for(LONG, goodbye).await.expect("time enough");
                cancelled().await;
                log.say("never");
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(log, ["inside", "inside", "gone"]);
}

/// Inside a shield, too, a loop in what is cancelled there ends.
#[test]
fn r06_a_loop_in_a_timeout_inside_a_shield_ends() {
    let tries = run(async || {
        let (quiet, tries) = (listener().await, Count::default());
        let result = nursery(async |n| {
            n.spawn(shield(async {
                let forever = async {
                    loop {
                        tries.one();
                        if nursery(async |_| never(&quiet).await).await.is_ok() {
                            break;
                        }
                    }
                };
                timeout(MS, forever).await.expect_err("it tries for ever");
            }));
            settle().await;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let shielded = nursery(async |n| {
            n.spawn(async {
                let forever = async {
                    loop {
                        tries.one();
                        let _ = nursery(async |_| never(&quiet).await).await;
                    }
                };
                shield_for(MS, forever).await.expect_err("it tries for ever");
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(shielded.await, Ok(()));
        tries.get()
    });
    assert_eq!(tries, 4);
}

/// Awaits that began before the cancel are told, however many they are. Those that begin later are
/// not.
#[test]
fn r06_all_awaits_that_had_begun_are_told() {
    let (told, later) = run(async || {
        let (quiet, told, later) = (listener().await, Count::default(), Count::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let children = futures_util::future::join_all((0..20).map(async |_| {
                    told.add_if(n.spawn(never(&quiet)).await.is_err());
                    later.add_if(n.spawn(never(&quiet)).await.is_err());
                }));
                let nurseries = futures_util::future::join_all((0..40).map(async |_| {
                    told.add_if(nursery(async |_| never(&quiet).await).await.is_err());
                    later.add_if(nursery(async |_| never(&quiet).await).await.is_err());
                }));
                let others = async {
                    let (_, _) = futures_util::join!(cancelled(), cancelled());
                    told.one();
                    cancelled().await;
                    later.one();
                };
                futures_util::join!(children, nurseries, others);
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        (told.get(), later.get())
    });
    assert_eq!((told, later), (20 + 40 + 1, 0));
}

/// A nursery that cancels itself is heard by its own tasks. The code around is not cancelled and
/// gets every answer.
#[test]
fn r06_an_inner_cancel_does_not_count_outside() {
    let answers = run(async || {
        let (quiet, answers) = (listener().await, Count::default());
        let result = nursery(async |n| {
            n.spawn(async {
                for _ in 0..10 {
                    let inner = nursery(async |m| {
                        m.cancel();
                        never(&quiet).await
                    });
                    answers.add_if(inner.await == Err(E::Cancelled));
                    let child = n.spawn(pending::<Result<(), E>>());
                    child.cancel();
                    answers.add_if(child.await.is_err());
                }
                assert_eq!(nursery(async |_| never(&quiet).await).await, Err(E::Cancelled));
                answers.one();
            });
            for _ in 0..10 {
                settle().await;
            }
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        answers.get()
    });
    assert_eq!(answers, 21);
}

/// A timeout's own cancel is heard inside it; the code around hears of its own cancel later.
#[test]
fn r06_the_cancel_of_a_timeout_does_not_count_outside() {
    let log = run(async || {
        let (quiet, log, elapsed) = (listener().await, Log::default(), Notify::new());
        let result = nursery(async |n| {
            n.spawn(async {
                let inside = async {
                    assert_eq!(never(&quiet).await, Err(E::Cancelled));
                    log.say("inside");
                    cancelled().await;
                    log.say("never");
                };
                timeout(MS, inside).await.expect_err("nobody connects");
                elapsed.notify_one();
                cancelled().await;
                log.say("outside");
            });
            n.spawn(async {
                elapsed.notified().await;
                n.cancel();
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(log, ["inside", "outside"]);
}

/// The loop of a cancelled task holds up neither timers nor other tasks on its way to the end.
#[test]
fn r06_others_run_on_beside_a_loop_in_a_cancelled_task() {
    run(async || {
        let (quiet, over) = (listener().await, Notify::new());
        let result = nursery(async |n| {
            let child = n.spawn(async {
                loop {
                    let _ = nursery(async |_| never(&quiet).await).await;
                    let _ = n.spawn(never(&quiet)).await;
                }
            });
            n.spawn(async {
                sleep(MS).await;
                over.notify_one();
                Ok(())
            });
            settle().await;
            child.cancel();
            assert!(child.await.is_err());
            over.notified().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
