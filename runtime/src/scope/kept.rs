//! Which cancelled tasks are kept, because something that they wait for will still answer.
//!
//! Two kinds of reasons keep a cancelled task. *Counted* reasons end by themselves: operations that
//! the kernel, or another thread, has not answered ([`Node::holds`], see `status`). *Noted* reasons
//! end only if the task goes on polling them: a shield, the handle of a child that is kept itself,
//! a nursery with tasks that are kept or ready. So these are valid for one poll of the task:
//!
//! ```text
//!   begin: the notes of the task are erased ──▶ its poll: each future that it still polls makes a
//!   note again ──▶ is_kept: is there a note, or a counted reason? If not, the task is cut.
//! ```
//!
//! A future that lost a `select`, was forgotten, or stands in a set that is not polled, makes no
//! note. One may have been polled and then set aside in the same poll: so the task is polled once
//! more, and a note is trusted that was made in a poll in which nothing else happened.
//!
//! The notes of futures inside foreign combinators last. A cancel wakes these futures, to
//! make their first. Then one of them is woken (*probed*), and again after each later poll: if it
//! is not polled, it has been set aside, and its note is erased. So a combinator keeps nothing
//! whose wakes reach its task later, from another thread.
//!
//! A combinator may end its own poll before it polls all that were woken. So a task in which one
//! was woken by a cancel, or by an answer, is *spared* for some polls, while it is ready for more.
//!
//! A *part* of a task, such as a timeout that has expired, is cut by itself, and is kept in the
//! same way, for what waits inside of it. In a foreign combinator it is woken when that has ended.
//!
//! What is kept for a handle is settled by each nursery when all of its tasks have been polled
//! (see `settle`): tasks that wait only for each other are let go.
//!
//! [`Node::holds`]: crate::tree::Node::holds

use super::listeners::{listen_at, parts_around};
use super::notes::{Key, Note, Notes, Poller, Why, has_notes, of_kind, with};
use super::round::Round;
use super::status::{running_task, task_of};
use crate::config::FOREIGN_POLLS;
use crate::tree::{self, NONE, Node, NodeId, State, Tree};
use crate::wake::{self, Waiter, wake_all};
use std::mem;
use std::task::Context;

/// What a look at a scope whose code was polled just now has shown.
#[derive(Debug)]
enum Look {
    /// Nothing keeps it.
    Cut,
    /// Something does.
    Kept,
    /// The next poll will tell, if these are woken before.
    Again(Vec<Waiter>),
}

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
                let was_rewoken = mem::take(&mut tree.at(task.index()).rewoken);
                notes.begin(task, was_rewoken);
            }
            let lasting = poller != Poller::TASK;
            let all = notes.notes.range(of_kind(task, lasting));
            let all = all.filter(|(_, note)| note.poller == poller);
            let inside =
                all.filter(|(_, note)| task == scope || is_inside(tree, note.scope, scope));
            let keys: Vec<Key> = inside.map(|(key, _)| *key).collect();
            notes.remove_all(keys);
            let round = polling_task(tree, scope).map(|polling| (polling, scope));
            if let Some(round) = round.and_then(|key| notes.rounds.get_mut(&key)) {
                round.first = notes.made + 1;
            }
        });
    });
}

/// The task that polls a scope: its own, unless a future has been moved to another task.
fn polling_task(tree: &mut Tree, scope: NodeId) -> Option<NodeId> {
    let own = task_of(tree, scope.index())?;
    if scope == own { Some(own) } else { running_task(tree).or(Some(own)) }
}

/// Whether a scope is the other one or inside of it, in the same task.
fn is_inside(tree: &mut Tree, scope: NodeId, outer: NodeId) -> bool {
    tree.is_within(scope, outer.index())
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

/// The same for a part of a task, which was polled with `cx`.
pub(crate) fn is_part_kept(part: NodeId, cx: &Context<'_>) -> bool {
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

/// Wakes what is to be polled for the next look at a scope: for its task, that is no event.
fn wake_to_look(scope: NodeId, probed: Vec<Waiter>, wake: impl FnOnce()) {
    let state = |tree: &mut Tree| {
        let task = polling_task(tree, scope)?;
        let node = tree.at(task.index());
        Some((task, node.state == State::Queued, node.rewoken))
    };
    let Some((task, was_queued, was_rewoken)) = tree::with(state) else { return };
    wake_all(probed);
    wake();
    tree::with(|tree| tree.get(task).into_iter().for_each(|node| node.rewoken = was_rewoken));
    with(|notes| {
        let round = notes.round(task, task);
        round.idle = false;
        if !was_queued {
            round.looked_idle = false;
            notes.looked = Some(task);
        }
    });
}

/// The poll of a task has ended: what has woken it meanwhile was its own code. That is no event,
/// unless it came after a look at a part, which counts on the next poll.
#[inline]
pub(crate) fn end(task: NodeId) {
    if has_notes() {
        end_noted(task);
    }
}

#[cold]
fn end_noted(task: NodeId) {
    let state = |node: &mut Node| (node.state == State::Queued, mem::take(&mut node.rewoken));
    let Some((is_queued, is_rewoken)) = tree::with(|tree| tree.get(task).map(state)) else {
        return;
    };
    with(|notes| notes.end(task, is_queued, is_rewoken));
}

/// A part of a task is cut: the code around it goes on.
fn disturb(part: NodeId) {
    if has_notes() {
        let task = tree::with(|tree| polling_task(tree, part));
        with(|notes| task.into_iter().for_each(|task| notes.disturb(task)));
    }
}

/// Whether there is a counted reason.
fn is_counted(scope: NodeId) -> bool {
    tree::with(|tree| tree.get(scope).is_some_and(|node| node.is_live()))
}

impl Look {
    fn when(kept: bool) -> Self {
        if kept { Self::Kept } else { Self::Cut }
    }
}

#[cold]
fn look_at(scope: NodeId, counted: bool) -> Look {
    tree::with(|tree| {
        let Some(task) = task_of(tree, scope.index()) else { return Look::when(counted) };
        let polling = polling_task(tree, scope).unwrap_or(task);
        let node = tree.at(polling.index());
        let (is_queued, is_rewoken) = (node.state == State::Queued, node.rewoken);
        with(|notes| {
            let is_asked = notes.looked == Some(polling) && !is_rewoken && !notes.woken_since;
            let is_busy = is_queued && !is_asked;
            let noted = match is_noted(tree, notes, task, scope) {
                // There is another look after the next poll in any case.
                true if counted || is_busy => {
                    notes.round(polling, scope).unconfirm();
                    Look::Kept
                }
                true => confirm(notes.round(polling, scope)),
                false => probe(tree, notes, (task, polling, scope), counted, (is_queued, is_busy)),
            };
            notes.round(polling, polling).looked_idle |= !is_queued;
            if task == scope {
                // If it is kept, those who wait for it may go on.
                tree.at(task.index()).unkept &= !counted && matches!(noted, Look::Cut);
            }
            let spared = notes.is_spared(scope, is_queued);
            match noted {
                Look::Cut if counted => Look::Kept,
                Look::Cut if spared => Look::Again(Vec::new()),
                noted => noted,
            }
        })
    })
}

/// Whether a future that the task polls itself has made a note in a scope.
fn is_noted(tree: &mut Tree, notes: &Notes, task: NodeId, scope: NodeId) -> bool {
    let mut direct = notes.notes.range(of_kind(task, false)).map(|(_, note)| note);
    direct.any(|note| (task == scope || is_inside(tree, note.scope, scope)) && is_valid(tree, note))
}

/// Trusts that note if nothing happened in the poll in which it was made.
fn confirm(round: &mut Round) -> Look {
    if round.confirms() { Look::Kept } else { Look::Again(Vec::new()) }
}

/// Looks at the lasting notes of a scope. Such a note is trusted only if it was made in a poll in
/// which nothing happened but that its future was woken for it: in another, the combinator may
/// have been polled and set aside.
fn probe(
    tree: &mut Tree,
    notes: &mut Notes,
    (task, polling, scope): (NodeId, NodeId, NodeId),
    counted: bool,
    (is_queued, is_busy): (bool, bool),
) -> Look {
    let all = notes.notes.range(of_kind(task, true));
    let all = all.filter(|(_, note)| task == scope || is_inside(tree, note.scope, scope));
    let lasting: Vec<Key> = all.map(|(key, _)| *key).collect();
    let Some((.., latest)) = lasting.last() else { return Look::Cut };
    let is_settled = notes.round(polling, scope).ends(*latest);
    for key in lasting {
        let Some(note) = notes.notes.get(&key) else { continue };
        let (valid, made_in) = (is_valid(tree, note), note.scope);
        let woken = match (note.probed, note.probe) {
            _ if valid && (counted || is_settled) => return Look::Kept,
            (0, Some(_)) if valid && !notes.round(polling, scope).asks(is_busy) => {
                return Look::Again(Vec::new());
            }
            (0, Some(probe)) if valid => Some(Vec::from([probe.waiter(tree)])),
            (1..FOREIGN_POLLS, _) if valid && is_queued => Some(Vec::new()),
            // It was woken, and nothing has polled it; or it is no reason any more.
            _ => None,
        };
        if let Some(woken) = woken {
            notes.notes.get_mut(&key).into_iter().for_each(|note| note.probed += 1);
            return Look::Again(woken);
        }
        notes.remove(key);
        let parts = parts_around(tree, made_in, scope);
        if !parts.is_empty() {
            notes.spare(tree, made_in);
            return Look::Again(parts);
        }
    }
    Look::Cut
}

/// Whether a note is a reason. Code is kept for the end of a child if that is cancelled as well, is
/// not around that code, and has not been found to wait only for others that wait.
pub(super) fn is_valid(tree: &mut Tree, note: &Note) -> bool {
    let Why::Join(child) = note.why else { return true };
    let Some(node) = tree.get(child) else { return true };
    if node.reason.is_none() || node.unkept {
        return false;
    }
    let nursery = node.parent;
    let mut at = tree.get(note.scope).map_or(NONE, |_| note.scope.index());
    while at != NONE && at != nursery {
        if at == child.index() {
            return false;
        }
        at = tree.at(at).parent;
    }
    true
}
