//! `Timers`: pending deadlines, soonest first; the first one bounds how long the core sleeps.

use crate::tree::NodeId;
use crate::wake::Waiter;
use std::collections::BTreeMap;

/// Names an armed timer: its deadline, and a number that tells equal deadlines apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    deadline: u64,
    number: u64,
}

#[derive(Debug)]
struct Armed {
    waiter: Waiter,
    /// The scope of the code that waits, for dumps.
    scope: Option<NodeId>,
}

/// The deadlines of one core. A tree in order of time: arming and disarming cost a look-up, and
/// nothing is kept for a timer that was disarmed.
#[derive(Debug, Default)]
pub(super) struct Timers {
    armed: BTreeMap<TimerKey, Armed>,
    next_number: u64,
}

impl Timers {
    pub(super) fn arm(&mut self, deadline: u64, waiter: Waiter, scope: Option<NodeId>) -> TimerKey {
        let key = TimerKey { deadline, number: self.next_number };
        self.next_number += 1;
        self.armed.insert(key, Armed { waiter, scope });
        key
    }

    /// Removes a timer. Its waiter comes back, to be dropped outside a borrow.
    pub(super) fn disarm(&mut self, key: TimerKey) -> Waiter {
        self.armed.remove(&key).map(|armed| armed.waiter).unwrap_or_default()
    }

    /// Whether a timer still runs; if so, `waiter` waits for it, in exchange for the waiter before,
    /// to be dropped outside a borrow.
    pub(super) fn poll(&mut self, key: TimerKey, waiter: &mut Waiter) -> bool {
        let kept = self.armed.get_mut(&key);
        kept.map(|kept| std::mem::swap(&mut kept.waiter, waiter)).is_some()
    }

    /// The soonest deadline.
    pub(super) fn next(&self) -> Option<u64> {
        self.armed.first_key_value().map(|(key, _)| key.deadline)
    }

    /// Takes the first timer whose deadline has passed.
    pub(super) fn pop_due(&mut self, now: u64) -> Option<Waiter> {
        let first = self.armed.first_entry().filter(|first| first.key().deadline <= now)?;
        Some(first.remove().waiter)
    }

    /// What runs, soonest first, with the scope that waits for it.
    pub(super) fn armed(&self) -> impl Iterator<Item = (u64, NodeId)> {
        self.armed.iter().filter_map(|(key, armed)| Some((key.deadline, armed.scope?)))
    }
}
