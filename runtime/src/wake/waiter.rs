//! `Waiter`: the task or future that waits for something, kept with what it waits for.

use super::ready;
use super::waker::Local;
use crate::tree::NodeId;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::task::{Context, Waker};

/// One waiting future. Tasks of this thread are named by number, so that registering one neither
/// counts nor allocates; anything else is kept as the standard waker that it brought.
#[derive(Debug, Default)]
pub(crate) enum Waiter {
    /// No task waits.
    #[default]
    Nobody,
    /// A task of this thread.
    Task(NodeId),
    /// A future inside a foreign combinator, or on another thread.
    Foreign(Waker),
}

impl Waiter {
    /// The task or future that is polled with this context. Keeping a foreign waker runs foreign
    /// code (its clone, later its destructor), so nothing may be borrowed.
    #[inline]
    pub(crate) fn of(cx: &Context<'_>) -> Self {
        match Local::task_of(cx.waker()) {
            Some(id) => Self::Task(id),
            None => Self::Foreign(cx.waker().clone()),
        }
    }

    /// Takes the waiter, and leaves `Nobody`.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// Wakes the task or future. Runs foreign code if the waker is foreign, so nothing may be
    /// borrowed.
    #[inline]
    pub(crate) fn wake(self) {
        match self {
            Self::Nobody => {}
            Self::Task(id) => ready::wake(id),
            Self::Foreign(waker) => waker.wake(),
        }
    }
}

/// Wakes all waiters, also after a foreign waker that panics: a task that is not woken now never
/// ends. The first panic goes on when all were woken.
pub(crate) fn wake_all(waiters: impl IntoIterator<Item = Waiter>) {
    let woken = waiters.into_iter().map(|waiter| {
        // Nothing of ours is borrowed, or half done, when a waker runs.
        catch_unwind(AssertUnwindSafe(|| waiter.wake()))
    });
    if let Some(payload) = woken.filter_map(Result::err).reduce(|first, _| first) {
        resume_unwind(payload);
    }
}
