//! Rechecks: what is kept for notes is looked at again after a time, and after longer times from
//! then on.
//!
//! A look comes when something happens to a task. What comes round, by way of another task or
//! thread, cannot be told from what the look itself has caused; and what the code of a task says to
//! its own parts, not from what combinators do. So an event may be missed, or there may be no end
//! of them: the recheck bounds for how long a task can be kept in vain, and how often it is looked
//! at.

use super::listeners::silence;
use super::notes::{Notes, has_notes, with};
use crate::config::{LAST_RECHECK, RECHECK_COST, RECHECKS_PER_TURN};
use crate::tree::NodeId;
use crate::wake::{Waiter, wake_all};

/// When the first look is due, if any is.
#[inline]
pub(crate) fn next_recheck() -> Option<u64> {
    if has_notes() { with(|notes| notes.due.first().map(|(at, _)| *at)) } else { None }
}

/// Has what is due be polled, for another look at it.
pub(crate) fn recheck(now: u64) {
    if has_notes() {
        wake_all(with(|notes| notes.take_due(now)));
    }
}

impl Notes {
    /// A scope is kept for notes: it is looked at again, also if nothing happens.
    pub(super) fn plan(&mut self, scope: NodeId, now: u64) {
        if let Some(round) = self.rounds.get_mut(&scope).filter(|round| round.due.is_none()) {
            let at = now.saturating_add(round.delay);
            round.due = Some(at);
            self.due.insert((at, scope));
        }
    }

    fn take_due(&mut self, now: u64) -> Vec<Waiter> {
        let longest = LAST_RECHECK + RECHECK_COST * self.rounds.len() as u64;
        let mut waiters = Vec::new();
        while waiters.len() < RECHECKS_PER_TURN
            && let Some((_, scope)) = self.due.first().copied().filter(|(at, _)| *at <= now)
        {
            self.due.pop_first();
            let Some(round) = self.rounds.get_mut(&scope) else { continue };
            round.recheck(longest);
            let part = silence(scope).map(Waiter::Foreign);
            waiters.push(part.unwrap_or(Waiter::Task(round.poller)));
        }
        waiters
    }
}
