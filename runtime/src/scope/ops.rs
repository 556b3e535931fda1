//! The operations of a scope: how many are owed to its code, and the list of all, whose links the
//! driver keeps.

use super::status::{busy, idle};
use crate::tree::{self, NONE, Node, NodeId, Role};
use crate::wake::{self, Waiter};

/// An operation of a future starts in this scope, unless the scope is cancelled: puts it at the
/// head of the scope's list. The head before comes back: the driver has to link it behind. Until
/// the operation is answered, the scope is not cut.
#[inline]
pub(crate) fn begin_op(id: NodeId, slot: u32) -> Option<u32> {
    tree::with(|tree| {
        let node = tree.get(id).filter(|node| !node.is_cancelled())?;
        Some(node.begin_op(slot))
    })
}

/// The common end of an operation, for which a future in a task of this thread waits, in a scope
/// that is not cancelled and no nursery's own: counts it as answered, and makes the task ready.
/// The caller has to wake what comes back outside the borrow. `None`: this is not the common case,
/// and nothing was done.
#[inline(always)]
pub(crate) fn answer_op(id: NodeId, head: Option<u32>, task: NodeId) -> Option<Waiter> {
    tree::with(|tree| {
        let is_common = |node: &&mut Node| !node.is_cancelled() && node.role() != Role::Nursery;
        let node = tree.get(id).filter(is_common)?;
        node.end_op(true, head);
        if id != task || node.set() == NONE {
            return Some(wake::enqueue(tree, task));
        }
        let set = node.queue().then(|| node.set());
        Some(set.map_or(Waiter::Nobody, |set| wake::enqueue_in(tree, set, task)))
    })
}

/// What follows from the end of an operation in a scope.
#[derive(Debug, Default)]
pub(crate) struct EndedOp {
    /// The scope, if it is cancelled: the caller has to [`look_again`](super::look_again).
    pub(crate) held: Option<NodeId>,
    /// The scope, if it is a nursery's without operations in flight: call
    /// [`tell_drained`](super::tell_drained).
    pub(crate) drained: Option<NodeId>,
}

/// An operation of this scope was answered. `is_held`: a future in the scope waited for the answer.
/// `head`: the list's new head, if the operation was the first.
#[inline]
pub(crate) fn end_op(id: NodeId, is_held: bool, head: Option<u32>) -> EndedOp {
    tree::with(|tree| {
        let Some(node) = tree.get(id) else { return EndedOp::default() };
        let (is_cancelled, was_live) = (node.is_cancelled(), node.is_live());
        node.end_op(is_held, head);
        let drained = head == Some(NONE) && node.role() == Role::Nursery;
        if is_cancelled && was_live && !node.is_live() {
            idle(tree, id.index());
        }
        EndedOp { held: (is_held && is_cancelled).then_some(id), drained: drained.then_some(id) }
    })
}

/// An operation that has started in another scope is to be answered in this one. Tells if this
/// scope is open.
pub(crate) fn hold(id: NodeId) -> bool {
    tree::with(|tree| {
        let Some(node) = tree.get(id) else { return false };
        let is_first = node.hold();
        if node.is_cancelled() && is_first {
            busy(tree, id.index());
        }
        true
    })
}

/// An operation was answered, or its future is gone. The scope comes back if it is cancelled: the
/// caller has to [`look_again`](super::look_again) whether anything keeps the scope.
#[must_use = "what is not looked at again is kept for ever"]
#[inline]
pub(crate) fn release(id: NodeId) -> Option<NodeId> {
    tree::with(|tree| {
        let node = tree.get(id)?;
        let was_last = node.release();
        node.cause()?;
        if was_last {
            idle(tree, id.index());
        }
        Some(id)
    })
}

/// The head of the driver's list for a scope; `None` when the scope is gone.
pub(crate) fn ops(id: NodeId) -> Option<u32> {
    tree::with(|tree| tree.get(id).map(|node| node.ops()))
}

/// Whether submissions are in flight in the scope itself.
pub(crate) fn has_ops(id: NodeId) -> bool {
    ops(id).is_some_and(|head| head != NONE)
}

/// Puts a submission at the head of a scope's list. The head before comes back: the driver has to
/// link it behind. `None` when the scope is gone.
#[inline]
pub(crate) fn push_op(id: NodeId, slot: u32) -> Option<u32> {
    tree::with(|tree| {
        let node = tree.get(id)?;
        let (behind, is_first) = node.list_op(slot);
        if is_first && node.is_cancelled() {
            busy(tree, id.index());
        }
        Some(behind)
    })
}
