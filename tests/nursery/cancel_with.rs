//! `cancel_with`: a canceller that is older than the nursery, used before, while and after that is
//! open.

use crate::support::nurseries::{Count, E, listener, never, run};
use nestling::{
    Canceller, Failures, Options, RemoteCanceller, nursery, nursery_all_with, nursery_with,
};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::pending;
use std::sync::mpsc::channel;
use std::thread;

#[test]
fn a_canceller_that_was_used_cancels_at_once() {
    run(async || {
        let stop = RemoteCanceller::new();
        stop.clone().cancel();
        let went_on = Cell::new(false);
        let begun = Count::default();
        let result = nursery_with(Options::default(), async |n| {
            assert!(!n.is_cancelled());
            n.cancel_with(&stop);
            assert!(n.is_cancelled());
            n.spawn(async { begun.one() });
            went_on.set(true); // up to the first wait
            nop().await?;
            unreachable!("its operation is not submitted, and it was not told before")
        });
        // It is as with its own cancel: the body was cut before it had a value.
        assert_eq!(result.await, Err::<(), _>(E::Cancelled));
        assert_eq!((went_on.get(), begun.get()), (true, 0));
        let value = nursery(async |n| {
            n.cancel_with(&stop);
            n.spawn(pending::<()>());
            Ok::<_, E>(7)
        });
        assert_eq!(value.await, Ok(7), "no false failure: it was asked for");
    });
}

#[test]
fn a_canceller_from_before_cancels_every_nursery_that_takes_it() {
    run(async || {
        let (quiet, stop, heard) = (listener().await, RemoteCanceller::new(), Count::default());
        let listens = async || {
            nursery(async |n| {
                n.cancel_with(&stop);
                n.cancel_with(&stop); // twice is as once
                heard.add_if(never(&quiet).await == Err(E::Cancelled));
                Ok::<_, E>(())
            })
            .await
        };
        let result = nursery(async |n| {
            n.spawn(listens());
            n.spawn(listens());
            nop().await?;
            stop.cancel();
            stop.cancel();
            assert!(!n.is_cancelled(), "this one has not taken it");
            Ok::<_, E>(())
        });
        assert_eq!((result.await, heard.get()), (Ok(()), 2));
    });
}

#[test]
fn remote_from_before_wakes_the_core_of_a_nursery_that_began_later() {
    let stop = RemoteCanceller::new();
    let (begun, begins) = channel();
    let cancels = thread::spawn({
        let stop = stop.clone();
        move || {
            begins.recv().expect("it begins");
            stop.cancel();
        }
    });
    run(async move || {
        let result = nursery(async |n| {
            n.cancel_with(&stop);
            n.spawn(pending::<()>());
            begun.send(()).expect("the thread waits");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
    cancels.join().expect("it only cancels");
}

#[test]
fn a_canceller_that_a_nursery_gave_out_cancels_those_that_take_it() {
    run(async || {
        let given: Result<Canceller, E> = nursery(async |n| Ok(n.canceller())).await;
        let stop = given.expect("it has closed");
        let result = nursery(async |n| {
            n.cancel_with(&stop.remote());
            assert!(!n.is_cancelled(), "it was closed, and not cancelled");
            stop.cancel();
            assert!(n.is_cancelled());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r16_a_canceller_keeps_nothing_of_nurseries_that_have_closed() {
    run(async || {
        let stop = RemoteCanceller::new();
        for _ in 0..10 {
            let result = nursery(async |n| {
                n.cancel_with(&stop);
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
        }
        let text = format!("{stop:?}");
        assert!(text.contains("open: {}") && text.contains("count: 10"), "{text}");
        stop.cancel(); // too late, and harmless
    });
}

#[test]
fn a_nursery_that_reports_all_has_options() {
    run(async || {
        let options = Options { name: Some("all"), slots: Some(1), ..Options::default() };
        let failures: Failures<E> = nursery_all_with(options, async |n| {
            assert!(nestling::dump_tree().to_string().contains("nursery \"all\""));
            n.slot().await.spawn(async { Err::<(), _>(E::Boom(1)) });
            assert!(n.try_spawn(async {}).is_err(), "there is one slot");
            pending::<Result<(), E>>().await
        })
        .await
        .unwrap_err();
        assert_eq!(failures.errors(), [E::Boom(1)]);
    });
}
