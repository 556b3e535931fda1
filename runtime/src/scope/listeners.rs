//! Who is told of a cancellation besides the tasks: futures in foreign combinators, which poll them
//! only if their own waker was woken.

use crate::tree::{self, NodeId, Task};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::ManuallyDrop;
use std::task::Waker;

thread_local! {
    // Never destroyed, so that destructors of other thread-locals can still ask.
    static LISTENERS: ManuallyDrop<RefCell<BTreeMap<NodeId, Waker>>> =
        const { ManuallyDrop::new(RefCell::new(BTreeMap::new())) };
}

/// Opens a scope below the current one that only listens.
pub(crate) fn new_listener() -> NodeId {
    tree::with(|tree| tree.insert(super::current(), Task::LISTENER).0)
}

/// Has `waker` be woken when the scope is cancelled. The one before comes back, as does what is
/// silenced: a foreign waker's destructor is foreign code.
#[must_use = "its destructor must not run inside a borrow"]
pub(crate) fn listen(scope: NodeId, waker: Waker) -> Option<Waker> {
    LISTENERS.with(|listeners| listeners.borrow_mut().insert(scope, waker))
}

/// Whoever listens in a scope, and does no more from now on.
#[must_use = "its destructor must not run inside a borrow"]
pub(crate) fn silence(scope: NodeId) -> Option<Waker> {
    LISTENERS.with(|listeners| listeners.borrow_mut().remove(&scope))
}
