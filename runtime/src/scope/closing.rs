//! How a scope closes, and what becomes of the scopes that are still open below it.
//!
//! Most scopes close innermost first. A future may outlive the scope that it was polled in, such as
//! a future of a set after `timeout(d, set.next())`. The scopes that the future has opened
//! meanwhile go to the scope around, and are cancelled if that is: a cancel reaches all code inside
//! its scope. But nurseries stay cancelled: they have cut children.

use super::listeners::silence;
use super::status::{busy, idle};
use super::{marks, notes};
use crate::tree::{self, Cause, NONE, NodeId, Reason, Role, Tree};
use crate::wake::{self, Waiter};

/// What a scope that has closed leaves to do.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    /// Waiters that the caller has to wake.
    pub(crate) woken: Vec<Waiter>,
    /// Scopes that stand below a cancelled one now, and are to be cancelled as well.
    pub(crate) overtaken: Vec<NodeId>,
}

/// Closes a scope that is not cancelled, has no mark, no operations, and no scope below it. Tells
/// if it did.
#[inline]
pub(crate) fn close_simply(id: NodeId) -> bool {
    tree::with(|tree| {
        let Some(node) = tree.get(id) else { return true };
        let nothing_left = node.ops() == NONE && !node.has_children();
        let simple = nothing_left && !node.is_cancelled() && !node.is_marked();
        if simple {
            tree.remove(id.index());
        }
        simple
    })
}

/// Closes any scope that is open; `None` if submissions are left in it: the caller has to have them
/// adopted first.
#[cold]
#[inline(never)]
pub(crate) fn try_close(id: NodeId) -> Option<Closed> {
    let moved = tree::with(|tree| {
        let Some(node) = tree.get(id) else { return Some(Moved::default()) };
        if node.ops() != NONE {
            return None;
        }
        let (marked, cancelled) = (node.is_marked(), node.is_cancelled());
        if cancelled && node.is_live() {
            idle(tree, id.index());
        }
        // Also if the task is not cancelled: parts of it may have been.
        notes::forget(tree, id);
        if marked {
            marks::closed(id);
        }
        let moved = hand_over(tree, id.index());
        tree.remove(id.index());
        Some(moved)
    })?;
    drop(silence(id));
    let mut woken = wake::left_in(id);
    for scope in moved.revived {
        woken.extend(silence(scope).map(Waiter::Foreign));
        woken.extend(wake::left_in(scope));
    }
    Some(Closed { woken, overtaken: moved.overtaken })
}

/// Scopes for which it makes a difference that they stand below another one now.
#[derive(Default)]
struct Moved {
    /// Scopes that were cancelled, and are not any more.
    revived: Vec<NodeId>,
    /// Scopes that were not cancelled, and are to be.
    overtaken: Vec<NodeId>,
}

/// Moves the scopes that are open below a closing one to the scope around it.
#[cold]
fn hand_over(tree: &mut Tree, closing: u32) -> Moved {
    let mut moved = Moved::default();
    let around = tree.at(closing).parent();
    let below: Vec<_> = tree.children(closing).collect();
    // A task belongs to its nursery's set.
    for at in below {
        if tree.at(at).role() != Role::Task {
            move_below(tree, at, around, &mut moved);
        }
    }
    moved
}

fn move_below(tree: &mut Tree, index: u32, around: u32, moved: &mut Moved) {
    let is_cancelled = around != NONE && tree.at(around).is_cancelled();
    // Below a root that closes, the scope becomes a root.
    if around != NONE {
        tree.relink(index, around);
    }
    let node = tree.at(index);
    match (node.role(), node.is_cancelled(), is_cancelled) {
        (Role::Shield, ..) => {}
        (_, true, true) if node.is_live() => busy(tree, index),
        (_, true, false) => revive(tree, index, &mut moved.revived),
        // A shield has closed before what was opened in it.
        (_, false, true) => moved.overtaken.extend(tree.id(index)),
        _ => {}
    }
}

fn is_from_above(cause: Option<Cause>) -> bool {
    cause.map(Cause::reason) == Some(Reason::Ancestor)
}

/// A cancelled scope stands below one that is not cancelled now: takes back its cancel, and that of
/// the scopes below which were cancelled with it. Scopes that are not cancelled count nothing below
/// them.
fn revive(tree: &mut Tree, top: u32, revived: &mut Vec<NodeId>) {
    let mut at = Some(top);
    while let Some(index) = at {
        tree.visit();
        let node = tree.at(index);
        let (role, parent) = (node.role(), node.parent());
        let counts = node.is_cancelled() && role != Role::Shield;
        let live = counts && node.is_live();
        let revives = is_from_above(node.cause()) && matches!(role, Role::Scope | Role::Listener);
        if revives {
            node.revive();
        }
        let marked = revives && node.is_marked();
        if live && index != top {
            tree.at(parent).release();
        }
        if revives && let Some(id) = tree.id(index) {
            if marked {
                marks::revived(id);
            }
            notes::forget(tree, id);
            revived.push(id);
        }
        at = tree.after(top, index, !revives);
    }
}
