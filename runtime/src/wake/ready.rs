//! The ready lists: which tasks are to be polled, and in which order.
//!
//! ```text
//!               1                       2                        3
//!   (new) ──────────────▶ Queued ──────────────────▶ Idle ─────────────────▶ (gone)
//!                          │  ▲                       │
//!                          │  └────────── 4 ──────────┘
//!                          │ 5                                   6
//!                          └───────▶ Dead (still linked) ─────────────▶ (gone)
//! ```
//!
//! | arrow | taken by |
//! |---|---|
//! | 1 | [`insert_task`], [`insert_root`] |
//! | 2 | [`next`] of a child or body, by `Tree::pop`; [`take_queued`] of a root |
//! | 3, 5 | `Tree::remove`, when the scope of the task closes |
//! | 4 | [`enqueue`], by [`wake`] or a cancel |
//! | 6 | `Tree::pop` |
//!
//! Waking a task links it into its set and then wakes the set's owner, unless the owner is polling
//! the set right now or is queued already: a batch of completions that readies k tasks costs one
//! descent from the root.

use super::{Waiter, budget};
use crate::label::Label;
use crate::tree::{self, NONE, Node, NodeId, Owner, Ready, Role, Set, SetId, Task, Tree};
use std::task::Context;

/// Queues a task and its owners. The caller has to wake what comes back outside the borrow: a
/// foreign waker runs foreign code.
#[inline]
pub(crate) fn enqueue(tree: &mut Tree, mut id: NodeId) -> Waiter {
    loop {
        let Some(node) = tree.get(id) else { return Waiter::Nobody };
        if !node.queue() {
            return Waiter::Nobody;
        }
        let set = node.set();
        if set == NONE {
            return Waiter::Nobody;
        }
        match push(tree, set, id.index()) {
            Waiter::Task(owner) => id = owner,
            other => return other,
        }
    }
}

/// As [`enqueue`], for a task of this set that the caller has [queued](Node::queue) already.
#[inline(always)]
pub(crate) fn enqueue_in(tree: &mut Tree, set: u32, id: NodeId) -> Waiter {
    match push(tree, set, id.index()) {
        Waiter::Task(owner) => enqueue(tree, owner),
        other => other,
    }
}

/// Puts a task on its set's list. The caller has to wake the owner that comes back.
#[inline]
fn push(tree: &mut Tree, set: u32, index: u32) -> Waiter {
    // With other tasks in the list before this one, the owner was woken for those.
    if tree.push(set, index) { owner_to_wake(tree.set(set)) } else { Waiter::Nobody }
}

/// The owner of a set, to be woken because the list is not empty any more.
#[inline]
fn owner_to_wake(set: &mut Set) -> Waiter {
    match set.owner_to_wake() {
        Some(Owner::Task(owner)) => Waiter::Task(owner),
        Some(Owner::Foreign(waker)) => Waiter::Foreign(waker),
        None => Waiter::Nobody,
    }
}

/// Adds the task that a `block_on` polls, ready for its first poll.
pub(crate) fn insert_root() -> NodeId {
    let root = Task { role: Role::Task, ..Task::NONE };
    tree::with(|tree| {
        let (id, _) = tree.insert(None, root);
        tree.at(id.index()).queue();
        id
    })
}

/// A task that was added.
#[derive(Debug)]
#[must_use = "the owner has to be woken, when the caller is ready for foreign code"]
pub(crate) struct Added {
    pub(crate) id: NodeId,
    /// The task is born cancelled. Unless it is a body, it is not ready, and never will be.
    pub(crate) cancelled: bool,
    pub(crate) owner: Waiter,
}

/// Adds a task to a nursery's set, ready for its first poll.
#[inline]
pub(crate) fn insert_task(nursery: NodeId, set: SetId, payload: *const ()) -> Added {
    let task = Task { role: Role::Task, set: set.index(), payload };
    tree::with(|tree| {
        let (id, cancelled) = tree.insert(Some(nursery), task);
        // A body is polled once even in a cancelled nursery.
        let ready = !cancelled || payload.is_null();
        if !ready {
            return Added { id, cancelled, owner: Waiter::Nobody };
        }
        tree.at(id.index()).queue();
        Added { id, cancelled, owner: enqueue_in(tree, set.index(), id) }
    })
}

/// The payload of a task that is not gone.
pub(crate) fn payload(id: NodeId) -> Option<*const ()> {
    tree::with(|tree| tree.get(id).map(|node| node.payload()))
}

/// Takes a root's readiness: whether it is to be polled now.
pub(crate) fn take_queued(root: NodeId) -> bool {
    tree::with(|tree| tree.get(root).is_some_and(Node::dequeue))
}

/// Whether a root is to be polled.
pub(crate) fn is_queued(root: NodeId) -> bool {
    tree::with(|tree| tree.get(root).is_some_and(|node| node.is_queued()))
}

/// Makes a task ready. Harmless when it is ready already or has ended.
#[inline]
pub(crate) fn wake(id: NodeId) {
    tree::with(|tree| enqueue(tree, id)).wake();
}

/// Makes an empty set, owned by a nursery's node.
pub(crate) fn new_set(nursery: NodeId, label: Label) -> SetId {
    tree::with(|tree| {
        let set = tree.insert_set(label);
        if let Some(node) = tree.get(nursery) {
            node.own(set.index());
        }
        set
    })
}

/// Takes a set out. Its children must be gone.
pub(crate) fn remove_set(nursery: NodeId, set: SetId) {
    let removed = tree::with(|tree| tree.remove_set(nursery, set));
    drop(removed);
}

/// The owner starts to poll the set, and is woken through `cx` from when it rests.
#[inline]
pub(crate) fn open_set(id: SetId, cx: &Context<'_>) {
    let (owner, foreign) = match Waiter::of(cx) {
        Waiter::Task(task) => (Some(task), None),
        Waiter::Foreign(waker) => (None, Some(waker)),
        Waiter::Nobody => (None, None),
    };
    let old = tree::with(|tree| tree.set(id.index()).open(owner, foreign));
    // A foreign waker's destructor is foreign code: outside the borrow.
    drop(old);
}

/// The owner stops polling the set. If tasks are still queued, wakes the owner again, and says so.
pub(crate) fn rest_set(id: SetId) -> bool {
    let (ready, owner) = tree::with(|tree| {
        let set = tree.set(id.index());
        set.rest();
        let ready = set.has_ready();
        (ready, if ready { owner_to_wake(set) } else { Waiter::Nobody })
    });
    owner.wake();
    ready
}

/// Wakes the owner of a set, without a task: the set itself has news.
pub(crate) fn wake_set(id: SetId) {
    tree::with(|tree| owner(tree, id)).wake();
}

/// The owner of a set, to be woken, unless it polls the set just now.
pub(crate) fn owner(tree: &mut Tree, id: SetId) -> Waiter {
    tree.get_set(id).map_or(Waiter::Nobody, owner_to_wake)
}

/// Takes the next ready task out of an open set's list. When nothing is ready, or the turn's budget
/// is spent, the set rests.
///
/// # Errors
///
/// No task is ready; or, `true`, the turn is over, and some are left.
#[inline]
pub(crate) fn next(set: SetId) -> Result<Ready, bool> {
    if !budget::left() {
        return Err(rest_set(set));
    }
    tree::with(|tree| {
        if let Some(ready) = tree.pop(set.index()) {
            return Ok(ready);
        }
        tree.set(set.index()).rest();
        Err(false)
    })
}
