//! `supervise`: a child whose end, however it comes, is for its handle alone.

use crate::support::nurseries::{
    Count, E, Log, OnDrop, listener, never, run, settle, throw, thrown,
};
use nestling::{JoinError, Options, Supervised, nursery, nursery_with, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[track_caller]
fn panicked<O: std::fmt::Debug>(ended: Result<O, JoinError>) -> u32 {
    match ended {
        Err(JoinError::Panic(payload)) => thrown(&*payload),
        other => panic!("it did not panic: {other:?}"),
    }
}

#[test]
fn supervise_keeps_every_end_in_the_handle() {
    run(async || {
        let lived = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                settle().await;
                lived.one();
            });
            let fails: Supervised<'_, Result<u8, &str>> = n.supervise(async { Err("bad") });
            let panics = n.supervise(async {
                nop().await?;
                throw(1);
                #[expect(unreachable_code, reason = "the type of the output")]
                io::Result::Ok(())
            });
            let number = n.supervise(async { 7 });
            let nothing = n.supervise(async {});
            assert!(matches!(fails.await, Ok(Err("bad"))));
            assert_eq!(panicked(panics.await), 1);
            assert!(matches!(number.await, Ok(7)));
            assert!(matches!(nothing.await, Ok(())));
            assert!(!n.is_cancelled());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(lived.get(), 1);
    });
}

#[test]
fn supervise_without_a_handle() {
    run(async || {
        let ended = Count::default();
        let result = nursery(async |n| {
            drop(n.supervise(async {
                let _counted = OnDrop(|| ended.one());
                settle().await;
                throw(1);
            }));
            drop(n.supervise(async { Err::<(), _>(E::Boom(1)) }));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()), "nobody wanted to know");
        assert_eq!(ended.get(), 1, "it was waited for");
    });
}

#[test]
fn supervise_what_fails_inside_an_inner_nursery() {
    run(async || {
        let result = nursery(async |n| {
            let failed = n.supervise(nursery(async |inner| {
                inner.spawn(async { Err::<(), _>(E::Boom(2)) });
                pending::<Result<(), E>>().await
            }));
            assert!(matches!(failed.await, Ok(Err(E::Boom(2)))));
            let panics = n.supervise(nursery(async |inner| {
                inner.spawn(async { throw(3) });
                pending::<Result<(), E>>().await
            }));
            assert_eq!(panicked(panics.await), 3);
            assert!(!n.is_cancelled());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// Cancelled by its handle: it is told like any other child, and only it is.
#[test]
fn supervise_cancelled_by_its_handle() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            let told = n.supervise(async { never(&quiet).await });
            let cut = n.supervise(async {
                let _gone = log.at_drop("cut");
                pending::<()>().await;
            });
            let shielded = n.supervise(async {
                shield(settle()).await;
                shield(settle()).await;
                log.say("shielded");
                nop().await.expect("never");
            });
            let other = n.spawn(async {
                for _ in 0..5 {
                    settle().await;
                }
                log.say("lives");
            });
            settle().await;
            told.cancel();
            cut.cancel();
            shielded.cancel();
            cut.cancel();
            assert!(matches!(told.await, Ok(Err(E::Cancelled))));
            assert!(matches!(cut.await, Err(JoinError::Cancelled)));
            assert!(matches!(shielded.await, Err(JoinError::Cancelled)));
            other.await?;
            // Too late, and before it began.
            let late = n.supervise(async { 5 });
            settle().await;
            assert!(late.is_finished());
            late.cancel();
            assert!(matches!(late.await, Ok(5)));
            let early = n.supervise(async { log.say("never") });
            assert!(!early.is_finished());
            early.cancel();
            assert!(matches!(early.await, Err(JoinError::Cancelled)));
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1), "it was asked for");
        assert_eq!(log.take(), ["cut", "shielded", "lives"]);
    });
}

/// A destructor that panics when the child is cut, or was never polled, takes no task with it.
#[test]
fn supervise_panics_of_destructors() {
    run(async || {
        let result = nursery(async |n| {
            let captured = OnDrop(|| throw(1));
            let unpolled = n.supervise(async move {
                let _captured = captured;
            });
            unpolled.cancel();
            assert!(matches!(unpolled.await, Err(JoinError::Cancelled)));
            let cut = n.supervise(async {
                let _throws = OnDrop(|| throw(2));
                pending::<()>().await;
            });
            settle().await;
            cut.cancel();
            assert!(matches!(cut.await, Err(JoinError::Cancelled)));
            let ends = n.supervise(async {
                let _throws = OnDrop(|| throw(3));
            });
            assert_eq!(panicked(ends.await), 3);
            let both = n.supervise(async {
                let _quiet = std::panic::catch_unwind(|| ());
                throw(4);
            });
            assert_eq!(panicked(both.await), 4);
            assert!(!n.is_cancelled());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn supervise_in_a_cancelled_nursery() {
    run(async || {
        let result = nursery(async |n| {
            n.cancel();
            let late = n.supervise(async { 5 });
            assert!(late.is_finished());
            assert!(matches!(late.await, Err(JoinError::Cancelled)));
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
    });
}

/// Supervised or not, a nursery whose children were stopped from outside has not succeeded.
#[test]
fn supervise_is_no_false_success() {
    run(async || {
        let quiet = listener().await;
        let work = nursery(async |n| {
            drop(n.supervise(pending::<()>()));
            Ok::<_, E>(())
        });
        assert_eq!(timeout(MS, work).await, Ok(Err(E::Cancelled)));
        let work = nursery(async |n| {
            drop(n.supervise(async { drop(never(&quiet).await) }));
            Ok::<_, E>(())
        });
        assert_eq!(timeout(MS, work).await, Ok(Err(E::Cancelled)));
    });
}

/// What a supervisor does: starts a worker again until it behaves.
#[test]
fn supervise_restarts() {
    run(async || {
        let tries = Cell::new(0);
        let result = nursery(async |n| {
            loop {
                let worker = n.supervise(async {
                    tries.set(tries.get() + 1);
                    nop().await?;
                    match tries.get() {
                        1 => Err(E::Boom(1)),
                        2 => throw(2),
                        _ => Ok(tries.get()),
                    }
                });
                if let Ok(Ok(tries)) = worker.await {
                    return Ok::<_, E>(tries);
                }
            }
        });
        assert_eq!(result.await, Ok(3));
    });
}

#[test]
fn supervise_in_slots() {
    run(async || {
        let (alive, most) = (Cell::new(0), Cell::new(0));
        let options = Options { slots: Some(2), ..Options::default() };
        let result = nursery_with(options, async |n| {
            let ended = RefCell::new(Vec::new());
            for number in 0..10 {
                let slot = n.slot().await;
                ended.borrow_mut().push(slot.supervise({
                    let (alive, most) = (&alive, &most);
                    async move {
                        alive.set(alive.get() + 1);
                        most.set(most.get().max(alive.get()));
                        let _less = OnDrop(|| alive.set(alive.get() - 1));
                        nop().await.expect("not cancelled");
                        throw(number);
                    }
                }));
            }
            for (number, handle) in ended.take().into_iter().enumerate() {
                assert_eq!(panicked(handle.await) as usize, number);
            }
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(most.get(), 2);
    });
}

#[test]
fn supervise_says_what_happened() {
    run(async || {
        let result = nursery(async |n| {
            let text = n.supervise(async { std::panic::resume_unwind(Box::new("static")) });
            let Err(error) = text.await.map(|(): ()| ()) else { panic!("it panicked") };
            assert_eq!(error.message(), Some("static"));
            assert_eq!(error.to_string(), "the task panicked: static");
            assert_eq!(format!("{error:?}"), "Panic(Some(\"static\"))");
            assert_eq!(io::Error::from(error).to_string(), "the task panicked: static");
            let owned =
                n.supervise(async { std::panic::resume_unwind(Box::new("owned".to_owned())) });
            let Err(error) = owned.await.map(|(): ()| ()) else { panic!("it panicked") };
            assert_eq!(error.message(), Some("owned"));
            let other = n.supervise(async { throw(1) });
            let Err(error) = other.await.map(|(): ()| ()) else { panic!("it panicked") };
            assert_eq!((error.message(), &*error.to_string()), (None, "the task panicked"));
            let cut = n.supervise(pending::<()>());
            cut.cancel();
            let Err(error) = cut.await else { panic!("it was cut") };
            assert_eq!((error.message(), &*error.to_string()), (None, "the task was cancelled"));
            assert!(nestling::is_cancelled(&io::Error::from(error)));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
