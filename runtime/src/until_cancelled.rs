//! `until_cancelled`: waits for the cancellation of the code that asks.

use crate::cancel::{CancelScope, current_reason, mark_delivered};
use crate::scope::{self, Cancelled};
use crate::wake::Waiter;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Resolves when the scope of the code that awaits it is cancelled.
pub fn until_cancelled() -> UntilCancelled {
    UntilCancelled { listener: None }
}

/// The future of [`until_cancelled`].
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct UntilCancelled {
    /// Only inside a foreign combinator: every task is polled when it is cancelled.
    listener: Option<Listener>,
}

#[derive(Debug)]
struct Listener(CancelScope);

impl Future for UntilCancelled {
    type Output = Cancelled;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Cancelled> {
        if current_reason().is_some() {
            mark_delivered();
            return Poll::Ready(Cancelled::new());
        }
        if let Waiter::Foreign(waker) = Waiter::of(cx) {
            let here = scope::current();
            let listener = self.listener.take();
            // It may have been moved to where another cancellation counts.
            let listener = listener.filter(|listener| scope::parent(listener.0.id()) == here);
            let listener =
                listener.unwrap_or_else(|| Listener(CancelScope::of_node(scope::new_listener())));
            drop(scope::listen(listener.0.id(), waker));
            self.listener = Some(listener);
        }
        Poll::Pending
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(scope::silence(self.0.id()));
    }
}
