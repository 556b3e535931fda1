//! How a child ends: its future is dropped, its scope closed, its cell let go, its joiner woken.

use super::{Children, Payload, Step};
use crate::cancel;
use crate::instrument::{self, Ending, Event};
use crate::scope;
use crate::task::TaskRef;
use crate::tree::{NodeId, Reason};
use crate::wake::{self, Waiter};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};

impl Children {
    /// # Safety
    ///
    /// As [`drop_caught`](Self::drop_caught).
    #[cold]
    pub(super) unsafe fn cut(&self, cell: TaskRef) -> Step {
        let reason = scope::reason(cell.id()).unwrap_or(Reason::Ancestor);
        let how = if cell.started() { Ending::Cut } else { Ending::Unstarted };
        // SAFETY: the caller's promise.
        match unsafe { self.drop_caught(cell, how) } {
            Some(payload) => Step::Panicked(payload),
            None => Step::Cut(reason),
        }
    }

    /// Drops a child's future and ends it; gives back what its destructor threw.
    ///
    /// # Safety
    ///
    /// The child has not ended, and all that it borrows is alive. The cell is not used afterwards.
    pub(super) unsafe fn drop_caught(&self, cell: TaskRef, how: Ending) -> Option<Payload> {
        // SAFETY: the caller's promise.
        catch_unwind(AssertUnwindSafe(|| unsafe { self.drop_future(cell, how) })).err()
    }

    /// # Safety
    ///
    /// As [`drop_caught`](Self::drop_caught).
    pub(super) unsafe fn drop_future(&self, cell: TaskRef, how: Ending) {
        /// Ends the child however its destructor ends.
        struct Finish<'a>(&'a Children, TaskRef, Ending);
        impl Drop for Finish<'_> {
            fn drop(&mut self) {
                // SAFETY: the future was dropped; this is the last use.
                unsafe { self.0.finish(self.1, self.2) }
            }
        }
        cell.tell_why();
        // Until the destructor has returned, the ending is that of a panic.
        let mut finish = Finish(self, cell, Ending::Panicked);
        let _entered = scope::enter(cell.id());
        // SAFETY: the nursery's side owns the stage until the end; borrows: the caller's promise.
        unsafe { finish.1.clear() };
        finish.2 = how;
    }

    /// # Safety
    ///
    /// The child's future is gone; the cell is not used afterwards.
    #[inline]
    pub(super) unsafe fn finish(&self, cell: TaskRef, how: Ending) {
        if instrument::is_on() {
            tell_ended(cell.id(), how);
        }
        self.alive.set(self.alive.get() - 1);
        let withdrawn = cancel::take_apart(cell.id());
        // SAFETY: the caller's promise.
        let joiner = unsafe { cell.end() };
        // Last: a foreign waker may do anything, and panic. All the same, all are woken.
        match withdrawn {
            Some(withdrawn) => wake::wake_all(iter::once(joiner).chain(withdrawn)),
            None if matches!(joiner, Waiter::Nobody) => {}
            None => joiner.wake(),
        }
    }

    /// Drops every child at once, and refuses new ones. Gives back the first panic of a destructor.
    ///
    /// # Safety
    ///
    /// All that the children borrow is alive.
    pub unsafe fn clear(&self) -> Option<Payload> {
        self.closed.set(true);
        let mut first = None;
        for task in scope::tasks(self.scope.id()) {
            let cell = wake::payload(task).and_then(TaskRef::from_payload);
            // A destructor before this one may have ended the child.
            let Some(cell) = cell else { continue };
            let how = if cell.started() { Ending::Cut } else { Ending::Unstarted };
            // SAFETY: a task that was not removed has a child that has not ended.
            first = first.or(unsafe { self.drop_caught(cell, how) });
        }
        first
    }
}

#[cold]
#[inline(never)]
pub(super) fn tell_ended(task: NodeId, how: Ending) {
    instrument::tell(Event::Ended { task: task.outside(), how });
}
