//! What a cancellation wakes besides the tasks: futures in foreign combinators, which poll a future
//! only if its own waker was woken; and parts of tasks that are cut by themselves.

use crate::context;
use crate::table::{Trim, When};
use crate::tree::{NONE, NodeId, Task, Tree};
use crate::wake::Waiter;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::task::{Context, Waker};

/// The wakers, by listening scope.
pub(super) type Table = RefCell<BTreeMap<NodeId, Waker>>;

/// Works on the table of this thread.
fn with<R>(f: impl FnOnce(&Table) -> R) -> R {
    context::with(|context| f(&context.scope.listeners))
}

/// The waker that a listening scope has, which is taken out: a foreign waker's destructor is
/// foreign code.
#[must_use = "its destructor must not run inside a borrow"]
pub(crate) fn silence(scope: NodeId) -> Option<Waker> {
    // Most of the time nothing listens at all.
    with(|listeners| {
        let mut listeners = listeners.borrow_mut();
        if listeners.is_empty() { None } else { listeners.remove(&scope) }
    })
}

/// A part of a task that is cut by itself is kept, and was polled with `cx`: has the part be polled
/// once more when what keeps it may have ended, also if the part stands in a foreign combinator.
#[cold]
pub(super) fn listen_at(part: NodeId, cx: &Context<'_>) {
    let before = match Waiter::of(cx) {
        Waiter::Foreign(waker) => with(|listeners| listeners.borrow_mut().insert(part, waker)),
        Waiter::Task(_) | Waiter::Nobody => silence(part),
    };
    drop(before);
}

/// The wakers of the parts around `scope`, up to the scope `inside`.
pub(super) fn parts_around(tree: &mut Tree, scope: NodeId, inside: NodeId) -> Vec<Waiter> {
    let mut parts = Vec::new();
    let mut index = tree.get(scope).map_or(NONE, |_| scope.index());
    while index != NONE && index != inside.index() {
        parts.extend(tree.id(index).and_then(silence));
        index = tree.at(index).parent();
    }
    parts.into_iter().map(Waiter::Foreign).collect()
}

/// A future's wish to be polled when the scope of its code is cancelled. The task is polled in any
/// case, so a future needs this only inside a foreign combinator.
#[derive(Debug, Default)]
pub(crate) struct Listener(Option<NodeId>);

impl Listener {
    /// The code that runs now polls the future with `cx`.
    pub(crate) fn listen(&mut self, cx: &Context<'_>) {
        let Waiter::Foreign(waker) = Waiter::of(cx) else { return };
        let here = super::current();
        // The future may have been moved to where another cancellation counts.
        if self.0.is_none_or(|scope| super::parent(scope) != here) {
            self.leave();
            self.0 = Some(super::open(here, Task::LISTENER));
        }
        let before =
            self.0.and_then(|scope| with(|listeners| listeners.borrow_mut().insert(scope, waker)));
        drop(before);
    }

    /// The scope in which it listens, if it does.
    pub(super) fn scope(&self) -> Option<NodeId> {
        self.0
    }

    fn leave(&mut self) {
        let Some(scope) = self.0.take() else { return };
        drop(silence(scope));
        // Nothing is awaited in it.
        if !super::close_simply(scope) {
            _ = super::try_close(scope);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(super) fn trim(when: When) -> bool {
    with(|listeners| listeners.borrow_mut().trim(when))
}
