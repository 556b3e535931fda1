//! Which scopes are cancelled, and what may still be delivered to their code.

use super::cancelled::Cancelled;
use super::listeners::silence;
use super::marks;
use super::notes::spare;
use crate::label::Id;
use crate::tree::{self, Cause, NONE, NodeId, Reason, Role, SetId, Task, Tree};
use crate::wake::{self, Waiter, wake_all};

/// What a cancellation has to tell. The tasks that are to be polled once more are queued.
#[derive(Debug, Default)]
pub(crate) struct CancelWork {
    /// The scope was not cancelled before.
    pub(crate) first: bool,
    /// The places of the scopes with submissions to cancel.
    pub(crate) ops: Vec<u32>,
    /// The owners of sets to be woken because tasks were queued.
    pub(crate) owners: Vec<Waiter>,
    pub(crate) listeners: Vec<NodeId>,
}

/// A cancelled scope has no counted reason left: decrement `holds` in each cancelled scope around
/// it, up to the first that stays live. Scopes that are not cancelled count none below them.
pub(super) fn idle(tree: &mut Tree, mut index: u32) {
    while let Some(above) = counts_in(tree, index) {
        if !tree.at(above).release() {
            return;
        }
        index = above;
    }
}

/// A cancelled scope that had no counted reason has one; the inverse of [`idle`].
pub(super) fn busy(tree: &mut Tree, mut index: u32) {
    while let Some(above) = counts_in(tree, index) {
        if !tree.at(above).hold() {
            return;
        }
        index = above;
    }
}

/// The scope in which a cancelled scope is counted: the parent, if that is cancelled too. A shield
/// is counted in none.
fn counts_in(tree: &mut Tree, index: u32) -> Option<u32> {
    tree.visit();
    let node = tree.at(index);
    let above = if node.role() == Role::Shield { NONE } else { node.parent() };
    (above != NONE && tree.at(above).is_cancelled()).then_some(above)
}

/// The scope around a cancelled one in which the latter is counted, if it has a counted reason.
pub(crate) fn counted_in(id: NodeId) -> Option<NodeId> {
    tree::with(|tree| {
        tree.get(id).filter(|node| node.is_cancelled() && node.is_live())?;
        let around = counts_in(tree, id.index())?;
        tree.id(around)
    })
}

/// The task that runs the code in a scope.
pub(super) fn task_of(tree: &mut Tree, mut index: u32) -> Option<NodeId> {
    while index != NONE && tree.at(index).role() != Role::Task {
        index = tree.at(index).parent();
    }
    tree.id(index)
}

/// The task whose code runs now.
pub(super) fn running_task(tree: &mut Tree) -> Option<NodeId> {
    super::current().and_then(|here| task_of(tree, here.index()))
}

/// What the world outside knows a scope as: the nursery or task that it is, or that it is in.
pub(crate) fn known(id: NodeId) -> Option<Id> {
    tree::with(|tree| {
        let mut index = tree.get(id).map_or(NONE, |_| id.index());
        while index != NONE && !matches!(tree.at(index).role(), Role::Task | Role::Nursery) {
            index = tree.at(index).parent();
        }
        tree.id(index).map(NodeId::outside)
    })
}

/// Opens a scope below another, or a root. A scope below a cancelled one is born cancelled.
pub(crate) fn new(parent: Option<NodeId>) -> NodeId {
    super::open(parent, Task::NONE)
}

/// Opens a shield below another scope: what is cancelled around it is not cancelled in it.
pub(crate) fn new_shield(parent: Option<NodeId>) -> NodeId {
    super::open(parent, Task::SHIELD)
}

/// Whether the scope or one around it was cancelled.
#[inline]
pub(crate) fn is_in_cancelled(id: NodeId) -> bool {
    tree::with(|tree| tree.get(id).is_some_and(|node| node.is_cancelled()))
}

/// Whether the scope was cancelled by itself, not with one around it.
#[inline]
pub(crate) fn is_cut_by_itself(id: NodeId) -> bool {
    let cause = tree::with(|tree| tree.get(id).and_then(|node| node.cause()));
    cause.is_some_and(|cause| cause.reason() != Reason::Ancestor)
}

/// Why the scope counts as cancelled, if it does.
#[inline]
pub(crate) fn reason(id: NodeId) -> Option<Reason> {
    tree::with(|tree| tree.get(id).and_then(|node| node.cause())).map(Cause::reason)
}

/// What an await says that ends because the scope is cancelled, if it is.
pub(crate) fn cancellation(id: NodeId) -> Option<Cancelled> {
    let cause = tree::with(|tree| tree.get(id).and_then(|node| node.cause()))?;
    Some(if cause.is_deadline() { Cancelled::timed_out() } else { Cancelled::new() })
}

/// Cancels a scope and everything below it, but for what is shielded. Sticky: what was cancelled
/// before is left alone.
pub(crate) fn cancel(id: NodeId, reason: Reason) -> CancelWork {
    tree::with(|tree| {
        let mut work = CancelWork::default();
        if tree.get(id).is_none_or(|node| node.is_cancelled()) {
            return work;
        }
        work.first = true;
        tree.count_cancel();
        // One pass that lists nothing without need: of a million tasks each cache line counts. The
        // youngest come first, as in a list of children, and the body last: as destructors go.
        let top = id.index();
        let (mut at, mut why) = (Some(top), cause(tree, top, reason));
        while let Some(index) = at {
            tree.visit();
            let id = tree.id(index);
            let node = tree.at(index);
            let (was_cancelled, live, role) = (node.is_cancelled(), node.is_live(), node.role());
            if role == Role::Shield && index != top {
                at = tree.after(top, index, true);
                continue;
            }
            if !was_cancelled {
                node.cancel(why);
                if node.is_marked() {
                    id.into_iter().for_each(marks::cancelled);
                }
                if node.ops() != NONE {
                    work.ops.push(index);
                }
                match role {
                    Role::Task => work.owners.extend(id.and_then(|id| queue(tree, id))),
                    Role::Listener => work.listeners.extend(id),
                    Role::Scope | Role::Nursery | Role::Shield => {}
                }
            }
            if live {
                // The scopes around it are marked by now.
                busy(tree, index);
            }
            why = why.below();
            // Below a cancelled node everything is cancelled already.
            at = tree.after(top, index, was_cancelled);
        }
        work
    })
}

/// The cause behind the reason for which a scope is cancelled: whether a deadline began it.
fn cause(tree: &mut Tree, index: u32, reason: Reason) -> Cause {
    let above = tree.at(index).parent();
    let above = (above != NONE).then(|| tree.at(above).cause()).flatten();
    match (reason, above) {
        (Reason::Ancestor, Some(above)) => above.below(),
        _ => reason.into(),
    }
}

/// Queues a task for its last poll. The caller has to wake the waiter that comes back.
fn queue(tree: &mut Tree, task: NodeId) -> Option<Waiter> {
    match wake::enqueue(tree, task) {
        Waiter::Nobody => None,
        owner => Some(owner),
    }
}

/// The scope in a place, if it is cancelled.
pub(crate) fn cancelled_at(place: u32) -> Option<NodeId> {
    tree::with(|tree| {
        let id = tree.id(place)?;
        tree.at(place).cause().map(|_| id)
    })
}

/// A cancellation was handed to code in this scope: errors that follow are derived from it. Marks
/// the cancelled scopes only, so that a nursery's own failure stays real for the nursery around it.
pub(crate) fn mark_delivered(id: NodeId) {
    tree::with(|tree| {
        let now = tree.cancels();
        let mut index = if tree.get(id).is_some() { id.index() } else { NONE };
        while index != NONE && tree.at(index).is_cancelled() {
            tree.visit();
            let node = tree.at(index);
            if !node.deliver(now) {
                // Since then nothing was cancelled, so all scopes around it are marked as well.
                return;
            }
            index = node.parent();
        }
    });
}

/// Whether a cancellation was handed out in this scope.
pub(crate) fn is_delivered(id: NodeId) -> bool {
    tree::with(|tree| tree.get(id).is_some_and(|node| node.is_delivered()))
}

/// A cancelled scope may have lost its last counted reason. Has the tasks, and the parts of tasks,
/// be polled that lost theirs with it: from the scope outwards, up to the first that has others.
/// The answer itself may wake another task (of a future shared between scopes), or none (of a
/// forgotten nursery).
pub(crate) fn look_again(id: NodeId) {
    let (tasks, parts) = tree::with(|tree| {
        let (mut tasks, mut parts) = (Vec::new(), Vec::new());
        let mut index = if tree.get(id).is_some() { id.index() } else { NONE };
        while index != NONE && tree.at(index).is_cancelled() && !tree.at(index).is_live() {
            tree.visit();
            match tree.at(index).role() {
                Role::Task => tasks.extend(tree.id(index)),
                _ => parts.extend(tree.id(index).and_then(silence)),
            }
            index = tree.at(index).parent();
        }
        // Also the task around these parts: a timeout or a nursery in it may have been cancelled.
        tasks.extend(task_of(tree, index));
        (tasks, parts)
    });
    tasks.into_iter().for_each(wake::wake);
    if !parts.is_empty() {
        spare(id);
        wake_all(parts.into_iter().map(Waiter::Foreign));
    }
}

/// Whether the code that runs now is inside a scope.
pub(crate) fn is_around(id: NodeId) -> bool {
    super::current().is_some_and(|here| tree::with(|tree| tree.is_within(here, id.index())))
}

/// Whether the code that runs now is inside the nursery that a scope is in.
pub(crate) fn is_beside(id: NodeId) -> bool {
    let Some(here) = super::current() else { return false };
    tree::with(|tree| {
        let mut around = tree.get(id).map_or(NONE, |_| id.index());
        while around != NONE && tree.at(around).role() != Role::Nursery {
            around = tree.at(around).parent();
        }
        tree.is_within(here, around)
    })
}

/// No operation is in flight in a nursery any more: has the nursery be polled; and, if the nursery
/// is cancelled, the tasks that were kept for the operations, because the set in which the nursery
/// stands may not be polled.
pub(crate) fn tell_drained(nursery: NodeId) {
    let found = tree::with(|tree| {
        tree.get(nursery).map(|node| (SetId::new(node.set()), node.is_cancelled()))
    });
    let Some((set, cancelled)) = found else { return };
    wake::wake_set(set);
    if cancelled {
        look_again(nursery);
    }
}

/// Whether the scope has not closed.
pub(crate) fn is_open(id: NodeId) -> bool {
    tree::with(|tree| tree.get(id).is_some())
}

/// The scope around this one, which adopts the operations that this one leaves.
pub(crate) fn parent(id: NodeId) -> Option<NodeId> {
    tree::with(|tree| {
        let parent = tree.get(id)?.parent();
        tree.id(parent)
    })
}

/// The tasks directly below a nursery's scope, newest first.
pub(crate) fn tasks(id: NodeId) -> Vec<NodeId> {
    tree::with(|tree| {
        if tree.get(id).is_none_or(|node| !node.has_children()) {
            return Vec::new();
        }
        let mut below: Vec<_> = tree.children(id.index()).collect();
        below.retain(|index| tree.at(*index).role() == Role::Task);
        below.into_iter().filter_map(|index| tree.id(index)).collect()
    })
}
