//! `Shield`: a scope that a cancellation from outside does not reach.

use crate::cancel::CancelScope;
use crate::scope::{self, Attached, Poller, Why};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A part of the program that runs on when the scope around it is cancelled. The task that polls it
/// is kept then, for as long as it does: one that has set it aside, or has forgotten it, is not.
/// What is opened and cancelled inside it is cancelled all the same.
#[derive(Debug)]
pub struct Shield {
    scope: CancelScope,
    attached: Attached,
}

impl Shield {
    /// Opens a shield below the current scope.
    pub fn new() -> Self {
        let scope = CancelScope::of_node(scope::new_shield(scope::current()));
        Self { scope, attached: Attached::default() }
    }

    /// Runs `f` inside the shield, as part of each poll of the task.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        self.attached.note(|| Why::Shield, Poller::TASK);
        self.scope.run(f)
    }

    /// Polls a future inside the shield; also inside a foreign combinator, which does not poll it
    /// with each poll of the task.
    pub fn poll<F: Future>(&self, future: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.attached.polled(|| Why::Shield, cx);
        self.scope.run(|| future.poll(cx))
    }
}

impl Default for Shield {
    fn default() -> Self {
        Self::new()
    }
}
