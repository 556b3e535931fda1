//! Rechecks: a scope that is kept for notes is looked at again after a time, and after longer times
//! from then on.
//!
//! A look comes when something happens to a task. A wake by way of another task or thread cannot be
//! told from one that the look itself has caused; nor a wake of a part by its own task from what
//! combinators do. So an event may be missed, or there may be no end of events: the recheck bounds
//! for how long a task can be kept in vain, as the looks of a round bound how often the task is
//! looked at.

use super::listeners::silence;
use super::notes::{Notes, has_notes, with};
use crate::config::{RECHECK_COST, RECHECKS_PER_TURN};
use crate::tree::{self, NodeId};
use crate::wake::{Waiter, wake, wake_all};
use std::collections::BTreeSet;

/// When the first recheck is due, if any is planned.
#[inline]
pub(crate) fn next_recheck() -> Option<u64> {
    if has_notes() { with(|notes| notes.due.first().map(|(at, _)| *at)) } else { None }
}

/// Has the tasks and parts be polled whose recheck is due, for another look at them.
pub(crate) fn recheck(now: u64) {
    if has_notes() {
        let (tasks, parts) = with(|notes| notes.take_due(now));
        tasks.into_iter().for_each(wake);
        wake_all(parts);
    }
}

impl Notes {
    /// The time of this turn: never before that of the rechecks which it has made.
    pub(super) fn now(&self) -> u64 {
        tree::now().max(self.checked)
    }

    /// A scope is kept for notes: plans another look, for the case that nothing happens. `soon`: at
    /// that time, because the scope has no look left now.
    pub(super) fn plan(&mut self, scope: NodeId, soon: Option<u64>) {
        let (now, others) = (self.now(), RECHECK_COST * self.rounds.len() as u64);
        let Some(round) = self.rounds.get_mut(&scope) else { return };
        let at = soon.unwrap_or_else(|| now.saturating_add(round.delay + others));
        if round.due.is_some_and(|due| due <= at) {
            return;
        }
        if let Some(before) = round.due.replace(at) {
            self.due.remove(&(before, scope));
        }
        self.due.insert((at, scope));
    }

    /// The tasks that are to be polled, and the wakers of parts of them.
    fn take_due(&mut self, now: u64) -> (BTreeSet<NodeId>, Vec<Waiter>) {
        self.checked = now;
        let (mut tasks, mut parts) = (BTreeSet::new(), Vec::new());
        while tasks.len() + parts.len() < RECHECKS_PER_TURN
            && let Some((_, scope)) = self.due.first().copied().filter(|(at, _)| *at <= now)
        {
            self.due.pop_first();
            let Some(round) = self.rounds.get_mut(&scope) else { continue };
            round.recheck(self.made);
            match silence(scope) {
                Some(waker) => parts.push(Waiter::Foreign(waker)),
                None => _ = tasks.insert(round.poller),
            }
        }
        (tasks, parts)
    }
}
