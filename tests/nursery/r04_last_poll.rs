//! Rule 4: everybody is polled once in the cancelled state, and then cut.

use crate::support::nurseries::{Count, E, Log, counted, run, settle};
use nestling::{nursery, timeout};
use nestling_runtime::lowlevel::nop;
use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

#[test]
fn r04_a_foreign_future_is_polled_once_more_and_dropped() {
    let (polls, log) = run(async || {
        let (polls, log) = (Count::default(), Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("dropped");
                poll_fn(|_| {
                    polls.one();
                    Poll::<()>::Pending
                })
                .await;
            });
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        (polls.get(), log.take())
    });
    assert_eq!((polls, log), (2, vec!["dropped"]));
}

#[test]
fn r04_one_that_wakes_itself_is_not_polled_for_ever() {
    let polls = run(async || {
        let polls = Count::default();
        let result = nursery(async |n| {
            n.spawn(poll_fn(|cx| {
                polls.add_if(n.is_cancelled());
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }));
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        polls.get()
    });
    assert_eq!(polls, 1);
}

#[test]
fn r04_the_body_gets_its_last_poll_too() {
    let (result, polls) = run(async || {
        let polls = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                settle().await;
                n.cancel()
            });
            poll_fn(|_| {
                polls.one();
                Poll::<()>::Pending
            })
            .await;
            Ok::<_, E>(())
        });
        (result.await, polls.get())
    });
    assert_eq!((result, polls), (Err(E::Cancelled), 2));
}

#[test]
fn r04_what_is_ready_in_the_last_poll_is_received() {
    let log = run(async || {
        let log = Log::default();
        let (send, receive) = async_channel::unbounded();
        let result = nursery(async |n| {
            n.spawn(async {
                log.say(receive.recv().await.expect("a message"));
                log.say(receive.recv().await.expect("a message"));
                receive.recv().await.expect("a message");
                log.say("not this one");
                Ok(())
            });
            settle().await;
            send.try_send("one").expect("room");
            send.try_send("two").expect("room");
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        log.take()
    });
    assert_eq!(log, ["one", "two"]);
}

#[test]
fn r04_a_child_that_never_began_never_begins() {
    let (log, stats) = counted(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            let argument = log.at_drop("argument");
            n.spawn(async {
                let _argument = argument;
                log.say("began");
                nop().await.map_err(E::from)
            });
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        log.take()
    });
    assert_eq!(log, ["argument"]);
    assert_eq!(stats.submitted, 0);
}

#[test]
fn r04_a_nursery_opened_in_a_cancelled_scope_runs_to_its_first_wait() {
    let (log, stats) = counted(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.cancel();
            let inner = nursery(async |inner| {
                log.say("body");
                assert!(inner.is_cancelled());
                inner.spawn(async { log.say("child") });
                nop().await?;
                log.say("not this far");
                Ok::<_, E>(())
            });
            let _gone = log.at_drop("gone");
            inner.await
        });
        assert_eq!(result.await, Err(E::Cancelled));
        log.take()
    });
    assert_eq!(log[0], "body");
    assert!(!log.contains(&"child") && !log.contains(&"not this far"), "{log:?}");
    assert_eq!(stats.submitted, 0);
}

/// Trap 13 for a cut: the body's locals, then the children.
#[test]
fn r04_the_order_of_the_end() {
    let log = run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let _local = log.at_drop("child");
                pending::<()>().await;
            });
            let _local = log.at_drop("body");
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.say("nursery");
        log.take()
    });
    assert_eq!(log, ["body", "child", "nursery"]);
}

/// As destructors do: what was started later may use what was started before.
#[test]
fn r04_the_youngest_goes_first_and_the_body_last() {
    run(async || {
        let log = Log::default();
        let work = nursery(async |n| {
            let _gone = log.at_drop("body");
            for name in ["oldest", "middle", "youngest"] {
                let gone = log.at_drop(name);
                n.spawn(async move {
                    let _gone = gone;
                    pending::<()>().await;
                });
            }
            pending::<Result<(), E>>().await
        });
        assert_eq!(timeout(Duration::ZERO, work).await, Ok(Err(E::Cancelled)));
        assert_eq!(log.take(), ["youngest", "middle", "oldest", "body"]);
    });
}
