//! Work of another thread that ends at the worst of times.

use crate::block_on;
use crate::config::IN_FLIGHT_LIMIT;
use crate::op::Offload;
use crate::yield_now::yield_now;
use std::future::{Future, poll_fn};
use std::io::{ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// The work ends after the last poll of its future, and before the core looks at its inbox again:
/// then nothing is left to wait for.
#[test]
fn f3_work_that_ends_before_the_drain_looks() {
    let (done, waiting) = channel::<()>();
    let watchdog = thread::spawn(move || {
        if waiting.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
            let _ = writeln!(std::io::stderr(), "the core sleeps for ever: ending the process");
            std::process::abort();
        }
    });
    block_on(async {
        let ended = Offload::new(&"a test's work", |ticket| {
            drop(ticket);
            Box::new(|_| {})
        });
        let mut ended = pin!(ended);
        let polled = poll_fn(|cx| Poll::Ready(ended.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
    });
    drop(done);
    watchdog.join().expect("it only waits");
}

/// Nothing begins for which the table of what is in flight has no number.
#[test]
fn g8_work_beyond_the_limit_is_refused() {
    block_on(async {
        let work = || Offload::new(&"a test's work", |ticket| Box::new(|_| drop(ticket)));
        let mut under_way: Vec<_> = (0..IN_FLIGHT_LIMIT).map(|_| work()).collect();
        poll_fn(|cx| {
            let pending = |work: &mut Offload| Pin::new(work).poll(cx).is_pending();
            assert!(under_way.iter_mut().all(pending));
            Poll::Ready(())
        })
        .await;
        let error = work().await.expect_err("there is no room for it");
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
        // The last work is recalled, and so makes room.
        under_way.pop();
        yield_now().await;
        assert!(poll_fn(|cx| Poll::Ready(pin!(work()).poll(cx))).await.is_pending());
    });
}

/// That is a mistake of its owner's, which keeps no runtime from its end.
#[test]
fn c6_work_that_is_polled_after_its_end_leaves_nothing() {
    block_on(async {
        let mut work = Box::pin(Offload::new(&"a test's work", |ticket| {
            drop(ticket);
            Box::new(|_| {})
        }));
        work.as_mut().await.expect("there is room");
        let again = poll_fn(|cx| {
            let poll = AssertUnwindSafe(|| work.as_mut().poll(cx).is_ready());
            Poll::Ready(catch_unwind(poll))
        });
        assert!(again.await.is_err(), "it has ended");
    });
}
