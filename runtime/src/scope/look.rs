//! One look at what is noted of a scope, whose code was polled just now.
//!
//! Notes that are not lasting were made in this poll, and are trusted if nothing else happened in
//! it. Of those that last the oldest is looked at: its future is woken, and if that is not polled,
//! the note goes.

use super::kept::{is_inside, is_valid, polling_task};
use super::listeners::parts_around;
use super::notes::{Key, Notes, of_kind, with};
use super::round::Ask;
use super::status::task_of;
use crate::config::FOREIGN_POLLS;
use crate::tree::{self, NodeId, State, Tree};
use crate::wake::Waiter;

/// What a look has shown.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing keeps the scope.
    Cut,
    /// Something does.
    Kept,
    /// The next poll will tell, if these are woken before.
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
    /// The task that it is, or is a part of.
    task: NodeId,
    /// The task that has polled it.
    polling: NodeId,
    /// There is a counted reason.
    counted: bool,
    /// That task is to be polled again.
    is_queued: bool,
    /// And not only for a look.
    is_busy: bool,
}

#[cold]
pub(super) fn look_at(scope: NodeId, counted: bool) -> Look {
    tree::with(|tree| {
        let Some(task) = task_of(tree, scope.index()) else { return Look::when(counted) };
        let polling = polling_task(tree, scope).unwrap_or(task);
        let node = tree.at(polling.index());
        let (is_queued, is_rewoken) = (node.state == State::Queued, node.rewoken);
        with(|notes| {
            let polled = notes.polled.get(&polling);
            let is_asked = polled.is_some_and(|polled| polled.looked) && !is_rewoken;
            let is_busy = is_queued && !is_asked;
            let looker = Looker { scope, task, polling, counted, is_queued, is_busy };
            let noted = looker.look(tree, notes);
            let is_noted = !matches!(noted, Look::Cut);
            if task == scope {
                // If it is kept, those who wait for it may go on.
                tree.at(task.index()).unkept &= !counted && !is_noted;
            }
            if is_noted && !counted {
                notes.plan(scope, tree::now());
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
        let (round, events) = notes.round(self.polling, self.scope);
        if self.counted || self.is_busy {
            // There is another look after the next poll in any case.
            round.unconfirm();
            return Look::Kept;
        }
        match round.confirms(events) || !round.may_look() {
            true => Look::Kept,
            false => Look::Again(Vec::new()),
        }
    }

    fn is_in_scope(&self, tree: &mut Tree, made_in: NodeId) -> bool {
        self.task == self.scope || is_inside(tree, made_in, self.scope)
    }

    /// Whether a future that the task polls itself has made a note.
    fn is_noted(&self, tree: &mut Tree, notes: &Notes) -> bool {
        let mut direct = notes.notes.range(of_kind(self.task, false)).map(|(_, note)| note);
        direct.any(|note| self.is_in_scope(tree, note.scope) && is_valid(tree, note))
    }

    /// The oldest and the latest of the lasting notes.
    fn lasting(&self, tree: &mut Tree, notes: &Notes) -> Option<(Key, Key)> {
        let mut all = notes.notes.range(of_kind(self.task, true));
        let (oldest, _) = all.find(|(_, note)| self.is_in_scope(tree, note.scope))?;
        let latest = all.rfind(|(_, note)| self.is_in_scope(tree, note.scope));
        Some((*oldest, latest.map_or(*oldest, |(latest, _)| *latest)))
    }

    /// Looks at the lasting notes. One is trusted only if it was made in a poll in which nothing
    /// happened but that its future was woken for it: in another, the combinator may have been
    /// polled and set aside.
    fn look_at_lasting(&self, tree: &mut Tree, notes: &mut Notes) -> Look {
        let Some((mut oldest, (.., latest))) = self.lasting(tree, notes) else { return Look::Cut };
        let (round, events) = notes.round(self.polling, self.scope);
        let is_settled = round.ends(latest, events);
        loop {
            if let Some(look) = self.look_at_oldest(tree, notes, oldest, is_settled) {
                return look;
            }
            let Some(note) = notes.remove(oldest) else { return Look::Cut };
            if note.probed > 0 {
                notes.round(self.polling, self.scope).0.missed();
            }
            let parts = parts_around(tree, note.scope, self.scope);
            if !parts.is_empty() {
                notes.spare(tree, note.scope);
                return Look::Again(parts);
            }
            match self.lasting(tree, notes) {
                Some((next, _)) => oldest = next,
                None => return Look::Cut,
            }
        }
    }

    /// What the oldest note shows, unless it goes: it is no reason any more, or its future was
    /// woken, and nothing has polled that.
    fn look_at_oldest(
        &self,
        tree: &mut Tree,
        notes: &mut Notes,
        oldest: Key,
        is_settled: bool,
    ) -> Option<Look> {
        let polls = notes.polled.get(&self.polling).map_or(0, |polled| polled.polls);
        let note = notes.notes.get(&oldest).filter(|note| is_valid(tree, note))?;
        let (probed, probed_in, probe) = (note.probed, note.probed_in, note.probe);
        if self.counted || is_settled {
            return Some(Look::Kept);
        }
        let woken = match (probed, probe) {
            (0, Some(probe)) => {
                let (round, _) = notes.round(self.polling, self.scope);
                match round.asks(self.is_busy) {
                    Ask::Now => Vec::from([probe.waiter(tree)]),
                    Ask::Wait => return Some(Look::Again(Vec::new())),
                    Ask::Later => return Some(Look::Kept),
                }
            }
            // In a look at a part of the task, in this poll.
            (1.., _) if probed_in == polls => return Some(Look::Again(Vec::new())),
            (1..FOREIGN_POLLS, _) if self.is_queued => Vec::new(),
            _ => return None,
        };
        let note = notes.notes.get_mut(&oldest)?;
        (note.probed, note.probed_in) = (note.probed + 1, polls);
        Some(Look::Again(woken))
    }
}
