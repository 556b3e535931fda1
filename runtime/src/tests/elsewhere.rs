//! Work of another thread that ends at the worst of times.

use crate::block_on;
use crate::op::Elsewhere;
use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::pin;
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
        let ended = Elsewhere::new(&"a test's work", |ticket| {
            drop(ticket);
            Box::new(|| {})
        });
        let mut ended = pin!(ended);
        let polled = poll_fn(|cx| Poll::Ready(ended.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
    });
    drop(done);
    watchdog.join().expect("it only waits");
}
