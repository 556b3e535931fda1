//! One look at what is noted of a scope, whose code was polled just now.
//!
//! Notes that are not lasting were made in this poll, and are trusted if nothing else happened in
//! the poll. Of the lasting notes the oldest is looked at: its future is woken, and if no poll of
//! the future follows, the note goes.

use super::kept::{is_valid, polling_task};
use super::listeners::parts_around;
use super::notes::{Key, Notes, with};
use super::round::Ask;
use super::status::task_of;
use crate::config::FOREIGN_POLLS;
use crate::tree::{self, NodeId, Tree};
use crate::wake::Waiter;

/// What a look has shown.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing keeps the scope.
    Cut,
    /// Something keeps the scope.
    Kept,
    /// The next poll will tell, if the caller wakes these waiters before.
    Again(Vec<Waiter>),
}

impl Look {
    pub(super) fn when(kept: bool) -> Self {
        if kept { Self::Kept } else { Self::Cut }
    }
}

/// The scope that is looked at, and its task.
struct Looker {
    scope: NodeId,
    /// The task that the scope is, or is a part of.
    task: NodeId,
    /// The task that has polled the scope.
    polling: NodeId,
    /// The scope has a counted reason.
    counted: bool,
    /// The polling task is to be polled again.
    is_queued: bool,
    /// The polling task is to be polled again, and not only for a look.
    is_busy: bool,
}

#[cold]
pub(super) fn look_at(scope: NodeId, counted: bool) -> Look {
    tree::with(|tree| {
        let Some(task) = task_of(tree, scope.index()) else { return Look::when(counted) };
        let polling = polling_task(tree, scope).unwrap_or(task);
        let node = tree.at(polling.index());
        let (is_queued, is_rewoken) = (node.is_queued(), node.is_rewoken());
        with(|notes| {
            let polled = notes.polled.get(&polling);
            let is_asked = polled.is_some_and(|polled| polled.looked) && !is_rewoken;
            let is_busy = is_queued && !is_asked;
            let looker = Looker { scope, task, polling, counted, is_queued, is_busy };
            let noted = looker.look(tree, notes);
            let is_noted = !matches!(noted, Look::Cut);
            if task == scope && (counted || is_noted) {
                tree.at(task.index()).keep();
            }
            if is_noted && !counted {
                notes.plan(scope, None);
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

impl Looker {
    fn look(&self, tree: &mut Tree, notes: &mut Notes) -> Look {
        if !self.is_noted(tree, notes) {
            return self.look_at_lasting(tree, notes);
        }
        let now = notes.now();
        let (round, events) = notes.round(self.polling, self.scope);
        if self.counted || self.is_busy {
            // There is another look after the next poll in any case.
            round.unconfirm();
            return Look::Kept;
        }
        if round.is_confirmed(events) {
            return Look::Kept;
        }
        let ask = round.look(now);
        self.ask(notes, ask, Vec::new)
    }

    /// Has the next poll tell, if the caller wakes `woken` before; or a later poll.
    fn ask(&self, notes: &mut Notes, ask: Ask, woken: impl FnOnce() -> Vec<Waiter>) -> Look {
        match ask {
            Ask::Now => Look::Again(woken()),
            Ask::Wait => Look::Again(Vec::new()),
            Ask::Later(at) => {
                notes.plan(self.scope, Some(at));
                Look::Kept
            }
        }
    }

    /// The notes that were made in the scope: the lasting ones, or the others.
    fn made<'a>(
        &self,
        notes: &'a Notes,
        lasting: bool,
    ) -> impl DoubleEndedIterator<Item = Key> + use<'a> {
        notes.made_in((self.scope, self.task), lasting)
    }

    /// Whether a future that the task polls itself has made a note.
    fn is_noted(&self, tree: &mut Tree, notes: &Notes) -> bool {
        self.made(notes, false).any(|key| is_valid(tree, &notes.notes[&key]))
    }

    /// Looks at the lasting notes. A note is trusted only if it was made in a poll in which nothing
    /// happened but that its future was woken for it: in another poll, the combinator may have been
    /// polled and set aside.
    fn look_at_lasting(&self, tree: &mut Tree, notes: &mut Notes) -> Look {
        let Some((.., latest)) = self.made(notes, true).next_back() else { return Look::Cut };
        let (round, events) = notes.round(self.polling, self.scope);
        let is_settled = round.ends(latest, events);
        loop {
            let Some(oldest) = self.made(notes, true).next() else { return Look::Cut };
            if let Some(look) = self.look_at_oldest(tree, notes, oldest, is_settled) {
                return look;
            }
            let Some(note) = notes.remove(oldest) else { return Look::Cut };
            if note.probed > 0 {
                notes.round(self.polling, self.scope).0.missed(oldest.2);
            }
            let parts = parts_around(tree, note.scope, self.scope);
            if !parts.is_empty() {
                notes.spare(tree, note.scope);
                return Look::Again(parts);
            }
        }
    }

    /// What the oldest note shows; `None` if the note goes: it is no reason any more, or its future
    /// was woken and not polled.
    fn look_at_oldest(
        &self,
        tree: &mut Tree,
        notes: &mut Notes,
        oldest: Key,
        is_settled: bool,
    ) -> Option<Look> {
        let now = notes.now();
        let polls = notes.polled.get(&self.polling).map_or(0, |polled| polled.polls);
        let note = notes.notes.get(&oldest).filter(|note| is_valid(tree, note))?;
        let (probed, probed_in, probe) = (note.probed, note.probed_in, note.probe);
        if self.counted || is_settled {
            return Some(Look::Kept);
        }
        let ask = match (probed, probe) {
            (0, Some(_)) => notes.round(self.polling, self.scope).0.asks(self.is_busy, now),
            // In a look at a part of the task, in this poll.
            (1.., _) if probed_in == polls => Ask::Wait,
            (1..FOREIGN_POLLS, _) if self.is_queued => Ask::Now,
            _ => return None,
        };
        if let Ask::Now = ask {
            let note = notes.notes.get_mut(&oldest)?;
            (note.probed, note.probed_in) = (note.probed + 1, polls);
        }
        let probe = probe.filter(|_| probed == 0);
        Some(self.ask(notes, ask, || probe.into_iter().map(|probe| probe.waiter(tree)).collect()))
    }
}
