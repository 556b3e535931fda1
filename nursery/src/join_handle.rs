//! `JoinHandle`: awaits one child and takes its value.

use crate::ledger::Refusals;
use nestling_runtime::lowlevel::{Cancelled, Join};
use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Resolves when a child has ended: to its value, or to [`Cancelled`] if it was cut or failed (its
/// error is the nursery's then).
///
/// Dropping the handle discards the value, not the child: the nursery waits for the child all the
/// same.
///
/// # Cancellation
///
/// A task that awaits a handle is kept for as long as the child is.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{JoinHandle, io::nursery};
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(nursery(async |n| {
///     let handle: JoinHandle<'_, u32> = n.spawn(async { Ok(7) });
///     assert_eq!(handle.await?, 7);
///     Ok(())
/// }))
/// # }
/// ```
#[derive(Debug)]
pub struct JoinHandle<'scope, T> {
    join: Join<T>,
    /// For a child on another core: where the nursery counts children that could not be sent.
    refusals: Option<Refusals>,
    /// Invariant: a handle cannot leave the nursery it came from.
    scope: PhantomData<Cell<&'scope ()>>,
}

impl<T> JoinHandle<'_, T> {
    pub(crate) fn new(join: Join<T>) -> Self {
        Self { join, refusals: None, scope: PhantomData }
    }

    /// The handle of a child that may be refused.
    pub(crate) fn of_sent(join: Join<T>, refusals: Refusals) -> Self {
        Self { join, refusals: Some(refusals), scope: PhantomData }
    }

    pub(crate) fn join(&self) -> &Join<T> {
        &self.join
    }

    /// Whether the child has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }
}

impl<T> Future for JoinHandle<'_, T> {
    type Output = Result<T, Cancelled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.join).poll(cx);
        if let (Poll::Ready(Err(error)), Some(refusals)) = (&polled, &self.refusals)
            && error.is_refused()
        {
            refusals.heard();
        }
        polled
    }
}
