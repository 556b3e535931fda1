//! Rule 7: what cannot say "cancelled" is never told so: it is where the task ends.

use crate::support::nurseries::{E, Log, run, settle};
use nestling::task::yield_now;
use nestling::time::{interval, sleep};
use nestling::{Cancelled, nursery};
use std::future::{Future, pending};
use std::time::Duration;

/// What is logged of a child that awaits `wait` when it is cancelled, and then says "early".
fn log_of<F: Future + 'static>(wait: impl FnOnce() -> F + Send + 'static) -> Vec<&'static str> {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                wait().await;
                log.say("early");
            });
            settle().await;
            Err::<(), _>(E::Boom(1))
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        log.take()
    })
}

#[test]
fn r07_a_sleep_never_ends_early() {
    assert_eq!(log_of(|| async { sleep(Duration::from_secs(3600)).await }), ["gone"]);
    assert_eq!(log_of(|| async { sleep(Duration::MAX).await }), ["gone"]);
}

#[test]
fn r07_an_interval_never_ticks_early() {
    let wait = || async {
        let mut every = interval(Duration::from_secs(3600));
        every.tick().await;
        every.tick().await;
    };
    assert_eq!(log_of(wait), ["gone"]);
}

#[test]
fn r07_a_yield_is_a_drop_point() {
    let wait = || async {
        loop {
            yield_now().await;
        }
    };
    assert_eq!(log_of::<_>(wait), ["gone"]);
}

#[test]
fn r07_a_sleep_that_begins_cancelled_does_not_end_even_if_it_is_due() {
    let log = run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.cancel();
            let _gone = log.at_drop("gone");
            sleep(Duration::ZERO).await;
            log.say("never");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Err(E::Cancelled));
        log.take()
    });
    assert_eq!(log, ["gone"]);
}

#[test]
fn r07_a_join_hears_because_it_can_say_so() {
    let heard = run(async || {
        let heard = std::cell::Cell::new(None);
        let result = nursery(async |n| {
            let handle = n.spawn(pending::<()>());
            n.spawn(async {
                settle().await;
                n.cancel();
            });
            // The child was cut first: the handle has something to say in the last poll, or after.
            heard.set(Some(handle.await));
            Ok::<_, E>(())
        });
        (result.await, heard.get())
    });
    assert_eq!(heard, (Ok(()), Some(Err(Cancelled::new()))));
}
