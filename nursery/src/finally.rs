//! `finally`: a clean-up that runs however the work ends.

use crate::supervised::caught;
use nestling_runtime::lowlevel::{
    CancelScope, Payload, Shield, Surrounding, UntilCancelled, poll_begin, until_cancelled,
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

/// Runs `work`, then `cleanup`, which may wait: it is [shielded](crate::shield). `cleanup` is given
/// the value, or `None` when `work` was cut by a cancellation, or panicked. Work that was cut stays
/// cut: after the clean-up this future does not return, and a panic goes on.
///
/// The clean-up runs if `work` was polled at all, and before the panic of `work` goes on. Give it a
/// bound, such as [`timeout`](crate::timeout), if it waits for another task or a peer. `work` and
/// `cleanup` are alive together: what both use, they share by `&`.
///
/// # Cancellation
///
/// The work is cancelled with its scope; the clean-up is not. A cancelled task may begin 250 of
/// these, shields and nurseries; the next one is its end, and does not begin. If the future is
/// dropped by foreign code (a `select!`, an abort), no task polls the clean-up: then only
/// destructors run.
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
    // In a cancelled task that loops, a later call does not begin; begun work is cleaned up.
    poll_fn(|cx| poll_begin(cx)).await;
    let mut surrounding = Surrounding::default();
    let mut both = pin!(work_and_cleanup(work, cleanup));
    poll_fn(|cx| surrounding.poll(cx, |cx| both.as_mut().poll(cx))).await
}

async fn work_and_cleanup<T, W, C>(work: W, cleanup: C) -> T
where
    W: Future<Output = T>,
    C: AsyncFnOnce(Option<&T>),
{
    match until_end(work).await {
        End::Value(value) => {
            shielded(async { cleanup(Some(&value)).await }).await;
            value
        }
        End::Cut => {
            shielded(async { cleanup(None).await }).await;
            pending().await
        }
        End::Panicked(payload) => {
            // The first panic goes on; the panic hook has told of a second.
            let _ = caught(shielded(async { cleanup(None).await })).await;
            resume_unwind(payload)
        }
    }
}

/// A shield that spends nothing: the clean-up is owed, however many there are.
async fn shielded<F: Future>(cleanup: F) -> F::Output {
    let shield = Shield::new();
    let mut cleanup = pin!(cleanup);
    poll_fn(|cx| shield.poll(cleanup.as_mut(), cx)).await
}

async fn until_end<W: Future>(work: W) -> End<W::Output> {
    let scope = CancelScope::new();
    let mut again = until_cancelled();
    let mut work = pin!(Some(work));
    poll_fn(|cx| {
        match catch_unwind(AssertUnwindSafe(|| poll(&scope, work.as_mut(), &mut again, cx))) {
            Ok(polled) => polled,
            Err(payload) => {
                // The panic hook has told of a second panic, of the destructor.
                let _ = catch_unwind(AssertUnwindSafe(|| scope.run(|| work.set(None))));
                Poll::Ready(End::Panicked(payload))
            }
        }
    })
    .await
}

/// Polls the work; cuts it when its task would be cut. `again` has the work be polled again when
/// the task is cancelled.
fn poll<W: Future>(
    scope: &CancelScope,
    work: Pin<&mut Option<W>>,
    again: &mut UntilCancelled,
    cx: &mut Context<'_>,
) -> Poll<End<W::Output>> {
    let cancelled = scope.reason().is_some();
    if let Poll::Ready(ended) = scope.poll_cut(work, cx) {
        return Poll::Ready(ended.map_or(End::Cut, End::Value));
    }
    if !cancelled {
        // The task is polled again by itself, but a foreign combinator in it has to be told.
        match scope.reason() {
            None => drop(scope.run(|| Pin::new(again).poll(cx))),
            Some(_) => cx.waker().wake_by_ref(),
        }
    }
    Poll::Pending
}
