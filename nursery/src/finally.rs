//! `finally`: a clean-up that runs however the work ends.

use crate::shield::shield;
use crate::supervised::caught;
use nestling_runtime::lowlevel::{
    CancelScope, Payload, UntilCancelled, current_reason, until_cancelled,
};
use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// How the work ended.
enum End<T> {
    Value(T),
    Cut,
    Panicked(Payload),
}

/// Runs `work`, then `cleanup`, which may wait: it is [shielded](shield). It is told the value, or
/// `None` when the work was cut by a cancellation, or panicked. What was cut stays so: after the
/// clean-up this does not return, and a panic goes on.
///
/// The clean-up runs if `work` was polled at all, and before the panic of `work` goes on. Give it a
/// bound, such as [`timeout`](crate::timeout), if it waits for somebody else. The two are alive
/// together: what both use, they share by `&`.
///
/// # Cancellation
///
/// The work is; the clean-up is not. If the future is dropped by foreign code (a `select!`, an
/// abort), there is nobody to run a clean-up: then only destructors do.
///
/// # Panics
///
/// With the panic of `work`, else with that of `cleanup`.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{finally, timeout};
/// use std::{cell::Cell, future::pending, time::Duration};
///
/// let released = Cell::new(0);
/// nestling_runtime::block_on(async {
///     let value = finally(async { 7 }, async |_| released.set(released.get() + 1)).await;
///     assert_eq!(value, 7);
///     let late = finally(pending::<()>(), async |value: Option<&()>| {
///         assert!(value.is_none());
///         nestling_runtime::yield_now().await; // it may wait
///         released.set(released.get() + 1);
///     });
///     assert!(timeout(Duration::from_millis(1), late).await.is_err());
/// });
/// assert_eq!(released.get(), 2);
/// ```
pub async fn finally<T, W, C>(work: W, cleanup: C) -> T
where
    W: Future<Output = T>,
    C: AsyncFnOnce(Option<&T>),
{
    match until_end(work).await {
        End::Value(value) => {
            shield(async { cleanup(Some(&value)).await }).await;
            value
        }
        End::Cut => {
            shield(async { cleanup(None).await }).await;
            pending().await
        }
        End::Panicked(payload) => {
            // The first panic goes on; the panic hook has told of a second.
            let _ = caught(shield(async { cleanup(None).await })).await;
            resume_unwind(payload)
        }
    }
}

async fn until_end<W: Future>(work: W) -> End<W::Output> {
    let scope = CancelScope::new();
    let mut again = until_cancelled();
    let mut work = pin!(Some(work));
    poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| poll(&scope, work.as_mut(), &mut again, cx))) {
            Ok(polled) => polled,
            Err(payload) => {
                // What the destructor throws as well, the panic hook has told.
                let _ = catch_unwind(AssertUnwindSafe(|| scope.run(|| work.set(None))));
                Poll::Ready(End::Panicked(payload))
            }
        }
    })
    .await
}

/// Polls the work; cuts it as its task would be. `again` has that polled once it is cancelled.
fn poll<W: Future>(
    scope: &CancelScope,
    mut work: Pin<&mut Option<W>>,
    again: &mut UntilCancelled,
    cx: &mut Context<'_>,
) -> Poll<End<W::Output>> {
    let cancelled = scope.reason().is_some();
    let last = cancelled.then(|| scope.begin(cx));
    let running = work.as_mut().as_pin_mut().expect("it is not polled after its end");
    if let Poll::Ready(value) = scope.run(|| running.poll(cx)) {
        return Poll::Ready(End::Value(value));
    }
    drop(last);
    if !cancelled {
        // The task is polled again by itself, but a foreign combinator in it has to be told.
        match current_reason() {
            None => drop(Pin::new(again).poll(cx)),
            Some(_) => cx.waker().wake_by_ref(),
        }
        return Poll::Pending;
    }
    if scope.is_kept() {
        return Poll::Pending;
    }
    scope.run(|| work.set(None));
    Poll::Ready(End::Cut)
}
