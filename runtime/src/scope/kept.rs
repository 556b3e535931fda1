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
//! note. The notes of futures inside foreign combinators last. A cancel wakes these futures, to
//! make their first; and when a task has none but old ones, one of these is woken (*probed*): if it
//! is not polled, it has been set aside, and its note is erased.
//!
//! What is kept for a handle is settled by each nursery when all of its tasks have been polled
//! (see `settle`): tasks that wait only for each other are let go.
//!
//! [`Node::holds`]: crate::tree::Node::holds

use super::notes::{Key, Note, Notes, Poller, Probe, Why, has_notes, of, of_kind, with};
use super::status::task_of;
use crate::tree::{self, NONE, NodeId, State, Tree};
use crate::wake;

/// Polls of its task, ready for another one all the while, in which a future that was woken is
/// waited for: a combinator may end its own poll early.
const PROBES: u8 = 3;

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
            let lasting = poller != Poller::TASK;
            let all = notes.notes.range(of_kind(task, lasting));
            let all = all.filter(|(_, note)| note.poller == poller);
            let inside =
                all.filter(|(_, note)| task == scope || is_inside(tree, note.scope, scope));
            let keys: Vec<Key> = inside.map(|(key, _)| *key).collect();
            notes.remove_all(keys);
            if task == scope
                && let Some(round) = notes.rounds.get_mut(&task)
            {
                round.first = notes.made + 1;
            }
        });
    });
}

/// Whether a scope is the other one or inside of it, in the same task.
fn is_inside(tree: &mut Tree, scope: NodeId, outer: NodeId) -> bool {
    tree.is_within(scope, outer.index())
}

/// Whether the code in a cancelled scope, which was polled just now, may still be answered. The
/// scope is a task, or a part of one.
pub(crate) fn is_kept(scope: NodeId) -> bool {
    let counted = tree::with(|tree| tree.get(scope).is_some_and(|node| node.is_live()));
    (has_notes() && is_noted(scope, counted)) || counted
}

#[cold]
fn is_noted(scope: NodeId, counted: bool) -> bool {
    let (noted, probe) = tree::with(|tree| {
        let Some(task) = task_of(tree, scope.index()) else { return (false, None) };
        with(|notes| {
            if task != scope {
                let mut all = notes.notes.range(of(task)).map(|(_, note)| note);
                let noted =
                    all.any(|note| is_inside(tree, note.scope, scope) && is_valid(tree, note));
                return (noted, None);
            }
            let (noted, probe) = is_task_noted(tree, notes, task, counted);
            let nursery = tree.parent(task);
            if let Some(nursery) = tree.id(nursery) {
                match noted {
                    true => _ = notes.kept.insert((nursery, task)),
                    false => _ = notes.kept.remove(&(nursery, task)),
                }
            }
            (noted, probe)
        })
    });
    if let Some(probe) = probe {
        // The combinator may be gone: the task is polled in any case.
        probe.wake();
        wake::wake(scope);
    }
    noted
}

/// Whether a task has notes; and if they may all be out of date, which is to be probed.
fn is_task_noted(
    tree: &mut Tree,
    notes: &mut Notes,
    task: NodeId,
    counted: bool,
) -> (bool, Option<Probe>) {
    let mut direct = notes.notes.range(of_kind(task, false)).map(|(_, note)| note);
    if direct.any(|note| is_valid(tree, note)) {
        return (true, None);
    }
    let lasting = of_kind(task, true);
    let is_queued = tree.get(task).is_some_and(|node| node.state == State::Queued);
    let count = notes.notes.range(lasting.clone()).count();
    let round = notes.rounds.entry(task).or_default();
    let fresh = round.latest >= round.first;
    let excused = if fresh && is_queued { Some(count) } else { None };
    let certain = counted || fresh || round.excused == Some(count);
    round.excused = excused;
    while let Some((key, note)) = notes.notes.range_mut(lasting.clone()).next() {
        let valid = is_valid(tree, note);
        match (note.probed, note.probe) {
            _ if valid && certain => return (true, None),
            (0, Some(probe)) if valid => {
                note.probed = 1;
                return (true, Some(probe));
            }
            (1..PROBES, _) if valid && is_queued => {
                note.probed += 1;
                return (true, None);
            }
            // It was woken, and nothing has polled it; or it is no reason any more.
            _ => {
                let key = *key;
                notes.notes.remove(&key);
            }
        }
    }
    (false, None)
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
