//! `until_cancelled`: waits for the cancellation of the code that asks.

use crate::cancel::current_cancellation;
use crate::scope::{Begun, Cancelled, Listener, is_here_cancelled, may_hear};
use crate::wake::stay;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Resolves when the scope of the code that awaits it is cancelled, unless that code has heard of
/// it before.
pub fn until_cancelled() -> UntilCancelled {
    UntilCancelled { begun: Begun::After, listener: Listener::default() }
}

/// The future of [`until_cancelled`].
#[derive(Debug)]
#[must_use = "it does nothing unless it is awaited"]
pub struct UntilCancelled {
    begun: Begun,
    listener: Listener,
}

impl Future for UntilCancelled {
    type Output = Cancelled;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Cancelled> {
        if is_here_cancelled() {
            // The future answers once, also when it is polled again after that.
            let begun = std::mem::replace(&mut self.begun, Begun::After);
            return if may_hear(begun) { Poll::Ready(current_cancellation()) } else { stay(cx) };
        }
        self.begun = Begun::Before;
        self.listener.listen(cx);
        Poll::Pending
    }
}
