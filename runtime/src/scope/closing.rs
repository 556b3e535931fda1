//! How a scope closes, and what becomes of the scopes that are still open below it.
//!
//! Most scopes close innermost first. A future may outlive the scope that it was polled in: one of
//! a set, after `timeout(d, set.next())`. The scopes that it has opened meanwhile go to the scope
//! around, whose cancel reaches them. If that is not cancelled, they are not any more: a cancel
//! reaches what runs inside its scope. Nurseries stay cancelled: they have cut children.

use super::listeners::silence;
use super::status::{busy, idle};
use super::{marks, notes};
use crate::tree::{self, NONE, NodeId, Reason, Role, Tree};
use crate::wake::{self, Waiter};

/// Closes a scope, and tells who is to be woken for it; `None` if submissions are left in it: those
/// must have been adopted.
#[inline]
pub(crate) fn try_close(id: NodeId) -> Option<Vec<Waiter>> {
    let closed = tree::with(|tree| {
        let Some(node) = tree.get(id) else { return true };
        let nothing_left = node.ops == NONE && node.first_child == NONE;
        let simple = nothing_left && node.reason.is_none() && !node.marked;
        if simple {
            tree.remove(id.index());
        }
        simple
    });
    if closed { Some(Vec::new()) } else { close_slowly(id) }
}

/// The same for a scope that is cancelled, is known to others, or has something below it.
#[cold]
#[inline(never)]
fn close_slowly(id: NodeId) -> Option<Vec<Waiter>> {
    let moved = tree::with(|tree| {
        let node = tree.get(id).filter(|node| node.ops == NONE)?;
        let (marked, cancelled) = (node.marked, node.reason.is_some());
        if cancelled {
            if node.is_live() {
                idle(tree, id.index());
            }
            notes::forget(tree, id);
        }
        if marked {
            marks::closed(id);
        }
        let moved = hand_over(tree, id.index());
        tree.remove(id.index());
        Some(moved)
    })?;
    drop(silence(id));
    let mut woken = wake::left_in(id);
    for scope in moved {
        woken.extend(silence(scope).map(Waiter::Foreign));
        woken.extend(wake::left_in(scope));
    }
    Some(woken)
}

/// Moves what is open below a closing scope to the one around it. Tells for which of it that makes
/// a difference.
#[cold]
fn hand_over(tree: &mut Tree, closing: u32) -> Vec<NodeId> {
    let mut moved = Vec::new();
    let node = tree.at(closing);
    let (is_task, around) = (node.role == Role::Task, node.parent);
    let mut at = node.first_child;
    while at != NONE {
        let node = tree.at(at);
        let (next, role) = (node.next, node.role);
        // A task belongs to its nursery's set, and a nursery that is left by its task to none: most
        // likely it was forgotten.
        if role != Role::Task && !(is_task && role == Role::Nursery) {
            move_below(tree, at, around, &mut moved);
        }
        at = next;
    }
    moved
}

fn move_below(tree: &mut Tree, index: u32, around: u32, moved: &mut Vec<NodeId>) {
    let is_cancelled = around != NONE && tree.at(around).reason.is_some();
    let node = tree.at(index);
    let (role, was_cancelled) = (node.role, node.reason.is_some());
    // It stays, and becomes a root: nothing in a nursery expects that what is around is cancelled.
    if around == NONE || role == Role::Nursery && is_cancelled && !was_cancelled {
        return;
    }
    tree.relink(index, around);
    let id = tree.id(index);
    let node = tree.at(index);
    match (role, was_cancelled, is_cancelled) {
        (Role::Shield, ..) => {}
        (_, true, true) if node.is_live() => busy(tree, index),
        (_, true, false) => revive(tree, index, moved),
        // A shield has closed before what was opened in it: that hears of the cancel around, or is
        // its own shield from now on.
        (Role::Listener, false, true) => {
            node.reason = Some(Reason::Ancestor);
            moved.extend(id);
        }
        (Role::Scope, false, true) => node.role = Role::Shield,
        _ => {}
    }
}

/// A scope stands below one that is not cancelled now: neither is it, nor what was cancelled with
/// it below. Scopes that are not cancelled count nothing below them.
fn revive(tree: &mut Tree, top: u32, revived: &mut Vec<NodeId>) {
    let mut at = Some(top);
    while let Some(index) = at {
        tree.visits += 1;
        let node = tree.at(index);
        let (role, parent) = (node.role, node.parent);
        let counts = node.reason.is_some() && role != Role::Shield;
        let live = counts && node.is_live();
        let revives =
            node.reason == Some(Reason::Ancestor) && matches!(role, Role::Scope | Role::Listener);
        if revives {
            (node.reason, node.heard, node.delivered_at) = (None, false, 0);
        }
        let marked = revives && node.marked;
        if live && index != top {
            tree.at(parent).holds -= 1;
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
