//! `Books`: what one nursery has to report, and so the one result that it may have (rules 9, 10).

use crate::log::{E, Outcome};
use crate::plan::{Id, Kind};
use crate::task::Task;
use crate::tree::Reason;

#[derive(Debug, Default)]
pub(crate) struct Books {
    /// The first panic, in the order of the log.
    pub(crate) panic: Option<Id>,
    /// The first real failure.
    pub(crate) error: Option<E>,
    /// Somebody was cut, or was delivered a cancellation.
    pub(crate) incomplete: bool,
    /// Somebody in it was cut who waited for a child further out, which may have been waiting for
    /// this nursery. Circles are cut, and that may be further out.
    pub(crate) waits_outwards: bool,
    /// The body's.
    pub(crate) value: Option<Id>,
}

impl Books {
    /// A task has ended: with its value, or with a failure that is not derived from what it was
    /// `told`, and that it does not keep to itself. Tells if that fails the nursery.
    pub(crate) fn enter(&mut self, task: &Task, told: bool) -> bool {
        match (task.panic, task.end) {
            _ if task.kind == Some(Kind::Supervised) => return false,
            (Some(number), _) => _ = self.panic.get_or_insert(number),
            (None, Some(Err(error))) if !told => _ = self.error.get_or_insert(error),
            (None, Some(Ok(value))) if task.kind.is_none() => {
                self.value = Some(value);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// The only result that is allowed; and whether it hands on that somebody was stopped.
    pub(crate) fn close(&self, reason: Option<Reason>) -> (Outcome, bool) {
        if let Some(number) = self.panic {
            return (Err(number), false);
        }
        if let Some(error) = self.error {
            return (Ok(Err(error)), false);
        }
        match self.value {
            Some(value) if !self.incomplete || reason == Some(Reason::Asked) => {
                (Ok(Ok(value)), false)
            }
            _ => (Ok(Err(E::Cancelled)), true),
        }
    }
}
