//! `host`: one core's program, and beside it the remote children that other cores send.
//!
//! ```text
//!   main runs ──▶ main has ended, and the kernel is done with it ──▶ all mains have ended
//!   └────────────────────── remote children are polled ───────────────────────────┘
//! ```
//!
//! A core whose program has ended stays until all programs have: another core may still send it a
//! child.

use super::stop::Stop;
use crate::children::Body;
use crate::remote_children::Open;
use crate::tree::Reason;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::thread;

/// How a core's program ended: `None` if it was cut.
pub(super) type Ended<T> = thread::Result<Option<T>>;

/// Runs `main` until it ends, or `stop` cancels it, then calls `done`; and receives remote children
/// until the programs of all cores are `over`.
pub(super) async fn host<F: Future>(
    main: F,
    stop: &Stop,
    over: &Stop,
    done: impl FnOnce(Ended<F::Output>),
) {
    let remote = Open::new();
    let mut main = pin!(Some(main));
    let mut running = Some(remote.body());
    let (mut ended, mut done) = (None, Some(done));
    let mut watching = false;
    poll_fn(|cx| {
        if !std::mem::replace(&mut watching, true) {
            stop.watch(cx.waker().clone());
            over.watch(cx.waker().clone());
        }
        if let Some(body) = running.as_ref().filter(|_| stop.is_stopped()) {
            body.scope().cancel(Reason::Failure);
        }
        remote.visit(cx, || {
            if let Some(body) = &running
                && let Some(end) = poll_main(body, main.as_mut())
            {
                ended = Some(end);
                running = None;
            }
        });
        if remote.is_drained()
            && let Some(end) = ended.take()
            && let Some(done) = done.take()
        {
            done(end);
        }
        let over = done.is_none() && over.is_stopped() && remote.is_empty();
        if over && remote.is_drained() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await
}

/// Polls the program; drops it when it has ended, or is to be cut.
fn poll_main<F: Future>(body: &Body, mut main: Pin<&mut Option<F>>) -> Option<Ended<F::Output>> {
    // A program that is cancelled during its poll was queued by the cancel for its last one.
    let cancelled = body.scope().reason().is_some();
    let polled = catch_unwind(AssertUnwindSafe(|| {
        body.poll(|cx| main.as_mut().as_pin_mut().expect("it has not ended").poll(cx))
    }));
    let end = match polled {
        Ok(Poll::Ready(value)) => Ok(Some(value)),
        Ok(Poll::Pending) if !cancelled || body.is_kept() => return None,
        Ok(Poll::Pending) => Ok(None),
        Err(payload) => Err(payload),
    };
    let dropped = catch_unwind(AssertUnwindSafe(|| body.scope().run(|| main.set(None))));
    Some(match (end, dropped) {
        (Ok(_), Err(payload)) => Err(payload),
        (end, _) => end,
    })
}
