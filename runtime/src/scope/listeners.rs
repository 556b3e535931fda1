//! Futures that are woken by a cancellation besides the tasks: those in foreign combinators, which
//! poll them only if their own waker was woken.

use crate::table::{Trim, When};
use crate::tree::{self, NodeId, Task};
use crate::wake::Waiter;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::task::{Context, Waker};

thread_local! {
    // Never destroyed, so that destructors of other thread-locals can still ask.
    static LISTENERS: ManuallyDrop<RefCell<BTreeMap<NodeId, Waker>>> =
        const { ManuallyDrop::new(RefCell::new(BTreeMap::new())) };
}

/// The waker that a listening scope has, which is taken out: a foreign waker's destructor is
/// foreign code.
#[must_use = "its destructor must not run inside a borrow"]
pub(crate) fn silence(scope: NodeId) -> Option<Waker> {
    LISTENERS.with(|listeners| listeners.borrow_mut().remove(&scope))
}

/// A future's wish to be polled when the scope of its code is cancelled. Its task is polled in any
/// case, so it needs this only inside a foreign combinator.
#[derive(Debug, Default)]
pub(crate) struct Listener(Option<NodeId>);

impl Listener {
    /// The code that runs now polls the future with `cx`.
    pub(crate) fn listen(&mut self, cx: &Context<'_>) {
        let Waiter::Foreign(waker) = Waiter::of(cx) else { return };
        let here = super::current();
        // It may have been moved to where another cancellation counts.
        if self.0.is_none_or(|scope| super::parent(scope) != here) {
            self.leave();
            self.0 = Some(tree::with(|tree| tree.insert(here, Task::LISTENER).0));
        }
        let before = self.0.and_then(|scope| {
            LISTENERS.with(|listeners| listeners.borrow_mut().insert(scope, waker))
        });
        drop(before);
    }

    /// The scope in which it listens, if it does.
    pub(super) fn scope(&self) -> Option<NodeId> {
        self.0
    }

    fn leave(&mut self) {
        let Some(scope) = self.0.take() else { return };
        drop(silence(scope));
        super::try_close(scope);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(super) fn trim(when: When) -> bool {
    LISTENERS.with(|listeners| listeners.borrow_mut().trim(when))
}
