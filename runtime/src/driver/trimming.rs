//! Unused memory of a driver's tables, and when the core looks for it.

use super::Driver;
use crate::config::{COARSE_TICK, TRIM_EVERY};
use crate::table::{Trim, When};
use crate::tree;

/// When a core looks next, and whether it wakes up for that.
#[derive(Debug, Default)]
pub(super) struct Trimming {
    next: u64,
    /// The last look has left memory that can be given back.
    more: bool,
}

impl Driver {
    /// Whether it is time to look for unused memory of tables.
    #[inline]
    pub(crate) fn trim_is_due(&self, now: u64) -> bool {
        now >= self.trimming.next
    }

    /// Gives back what the driver's own tables hold, and says when to look next; `more` if others
    /// have more to give back.
    pub(crate) fn trim(&mut self, now: u64, more: bool) {
        let queues = self.backlog.trim(When::Running)
            | self.cancels.trim(When::Running)
            | self.completions.trim(When::Running)
            | self.slow.trim()
            | self.timers.trim();
        let next = now.saturating_add(TRIM_EVERY.as_nanos() as u64);
        self.trimming = Trimming { next, more: more | queues | self.in_flight.trim() };
    }

    /// When a core that sleeps has to wake up to give memory back; `None` if there is nothing to
    /// give.
    pub(super) fn trim_deadline(&self) -> Option<u64> {
        let Trimming { next, more } = self.trimming;
        let wanted =
            more || self.in_flight.is_sparse() || self.timers.is_sparse() || tree::is_sparse();
        // The clock of a turn may be behind the one by which the core sleeps.
        wanted.then(|| next.saturating_add(COARSE_TICK.as_nanos() as u64))
    }
}
