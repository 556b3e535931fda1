//! Which cancelled tasks are kept, because something that they wait for will still answer.
//!
//! Two kinds of reasons keep a cancelled task. *Counted* reasons end by themselves: operations that
//! the kernel, or another thread, has not answered ([`Node::holds`], see `status`). *Noted* reasons
//! end only if the task goes on polling them: a shield, the handle of a child that is kept itself,
//! a nursery with tasks that are kept or ready. So noted reasons are valid for one poll of the
//! task:
//!
//! ```text
//!   begin: the notes of the task are erased ──▶ its poll: each future that it still polls makes a
//!   note again ──▶ is_kept: is there a note, or a counted reason? If not, the task is cut.
//! ```
//!
//! A future that lost a `select`, was forgotten, or stands in a set that is not polled, makes no
//! note. A future may have been polled and then set aside in the same poll: so the task is polled
//! once more, and a note is trusted that was made in a poll in which nothing else happened.
//!
//! The notes of futures inside foreign combinators last. A cancel wakes these futures, to
//! make their first. Then one of them is woken (*probed*), and again after each later poll: if it
//! is not polled, it has been set aside, and its note is erased. So a combinator keeps nothing
//! whose wakes reach its task later, from another thread.
//!
//! The looks of one poll lead to another poll, and that may go on for ever where wakes take a way
//! round. So a scope has a few looks at once, and then one every 10 ms (see `round`). And a scope
//! is looked at again after a time, also if nothing happens (see `recheck`).
//!
//! A combinator may end its own poll before it polls all woken futures. So a task in which a future
//! was woken by a cancel, or by an answer, is *spared* for some polls, while it is ready for more.
//!
//! A *part* of a task, such as a timeout that has expired, is cut by itself, and is kept in the
//! same way, for what waits inside of it. In a foreign combinator the part is woken when that has
//! ended.
//!
//! What is kept for a handle is settled by each nursery when all of its tasks have been polled
//! (see `settle`): tasks that wait only for each other are let go.
//!
//! [`Node::holds`]: crate::tree::Node::holds

use super::listeners::listen_at;
use super::look::{Look, look_at};
use super::notes::{Key, Note, Poller, Why, has_notes, with};
use super::status::{running_task, task_of};
use crate::tree::{self, NONE, Node, NodeId, Tree};
use crate::wake::{self, Waiter, wake_all};
use std::task::Context;

/// The code in a cancelled scope is about to be polled: what it still waits for makes its notes
/// anew. `scope` is a task, or a part of one.
#[inline]
pub(crate) fn begin(scope: NodeId, poller: Poller) {
    if has_notes() {
        erase(scope, poller);
    }
}

#[cold]
fn erase(scope: NodeId, poller: Poller) {
    tree::with(|tree| {
        let Some(task) = task_of(tree, scope.index()) else { return };
        with(|notes| {
            if task == scope {
                let was_rewoken = tree.at(task.index()).set_rewoken(false);
                notes.begin(task, was_rewoken);
            }
            let all = notes.made_in((scope, task), poller != Poller::TASK);
            let keys: Vec<Key> = all.filter(|key| notes.notes[key].poller == poller).collect();
            notes.remove_all(keys);
            if let Some(round) = notes.rounds.get_mut(&scope) {
                round.first = notes.made + 1;
            }
        });
    });
}

/// The task that polls a scope: its own, unless a future has been moved to another task.
pub(super) fn polling_task(tree: &mut Tree, scope: NodeId) -> Option<NodeId> {
    let own = task_of(tree, scope.index())?;
    if scope == own { Some(own) } else { running_task(tree).or(Some(own)) }
}

/// Whether a cancelled task, which was polled just now, may still be answered.
pub(crate) fn is_kept(task: NodeId) -> bool {
    let counted = is_counted(task);
    if !has_notes() {
        return counted;
    }
    match look_at(task, counted) {
        Look::Cut => return false,
        Look::Kept => {}
        // The combinator may be gone: the task is polled in any case.
        Look::Again(probed) => wake_to_look(task, probed, || wake::wake(task)),
    }
    true
}

/// Whether a cancelled part of a task, which was polled just now with `cx`, may still be answered.
pub(crate) fn is_part_kept(part: NodeId, cx: &Context<'_>) -> bool {
    if super::reason(part).is_none() {
        // In this poll the scope has come to stand below another one, which is not cancelled.
        return true;
    }
    let counted = is_counted(part);
    let look = if has_notes() { look_at(part, counted) } else { Look::when(counted) };
    match look {
        Look::Cut => {
            disturb(part);
            return false;
        }
        Look::Kept => listen_at(part, cx),
        Look::Again(probed) => wake_to_look(part, probed, || cx.waker().wake_by_ref()),
    }
    true
}

/// Wakes what is to be polled for the next look at a scope. For the task, that wake is no event.
fn wake_to_look(scope: NodeId, probed: Vec<Waiter>, wake: impl FnOnce()) {
    let state = |tree: &mut Tree| {
        let task = polling_task(tree, scope)?;
        let node = tree.at(task.index());
        Some((task, node.is_queued(), node.is_rewoken()))
    };
    let Some((task, was_queued, was_rewoken)) = tree::with(state) else { return };
    wake_all(probed);
    wake();
    let state = |node: &mut Node| {
        node.set_rewoken(was_rewoken);
        node.is_queued()
    };
    let is_queued = tree::with(|tree| tree.get(task).is_some_and(state));
    with(|notes| notes.look(task, is_queued && !was_queued));
}

/// A part of a task is cut: an event in the task, for the code around the part goes on.
fn disturb(part: NodeId) {
    if has_notes() {
        let task = tree::with(|tree| polling_task(tree, part));
        with(|notes| task.into_iter().for_each(|task| notes.disturb(task)));
    }
}

/// Whether a scope has a counted reason.
fn is_counted(scope: NodeId) -> bool {
    tree::with(|tree| tree.get(scope).is_some_and(|node| node.is_live()))
}

/// Whether a note is a reason. Code is kept for the end of a child if the child is cancelled as
/// well, is not around that code, and was not found to wait only for tasks that wait themselves.
pub(super) fn is_valid(tree: &mut Tree, note: &Note) -> bool {
    let Why::Join(child) = note.why else { return true };
    let Some(node) = tree.get(child) else { return true };
    if !node.is_cancelled() || node.is_let_go() {
        return false;
    }
    let nursery = node.parent();
    let mut at = tree.get(note.scope).map_or(NONE, |_| note.scope.index());
    while at != NONE && at != nursery {
        if at == child.index() {
            return false;
        }
        at = tree.at(at).parent();
    }
    true
}
