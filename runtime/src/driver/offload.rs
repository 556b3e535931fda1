//! Entries of the in-flight table for work that is not the kernel's: another thread does it, and
//! says when it has ended.

use super::lifecycle::Phase;
use super::{Arrival, Driver, OpInfo, Orphan, Refused};
use crate::key::Key;
use crate::ring::Completion;
use crate::tree::{NodeId, Reason};
use crate::wake::Waiter;
use std::collections::BTreeMap;
use std::fmt;

/// Asks for work to stop, and says why.
pub(crate) type Recall = Box<dyn FnOnce(Reason)>;

/// How to ask for work to stop, by the slot of its entry.
#[derive(Default)]
pub(super) struct Recalls(BTreeMap<usize, Recall>);

impl fmt::Debug for Recalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Recalls {
    /// How to stop the work of an entry; once.
    pub(super) fn take(&mut self, key: Key) -> Option<Recall> {
        self.0.remove(&key.slot())
    }
}

impl Driver {
    /// Notes work that another thread is about to do, for which a future waits.
    ///
    /// # Errors
    ///
    /// As with [`submit`](Self::submit).
    pub(crate) fn submit_offloaded(
        &mut self,
        info: OpInfo,
        scope: NodeId,
        waiter: Waiter,
    ) -> Result<Key, Refused> {
        if let Err(error) = self.in_flight.room() {
            return Err(Refused::Full(error, waiter));
        }
        self.in_flight
            .insert(Phase::Offloaded, info, waiter, Some(scope))
            .map_err(Refused::Cancelled)
    }

    /// Notes work for which no future waits, and for which there is [`room`](Self::room). It goes
    /// on when its scope closes, in the scope around; the cancel of either asks for it to stop.
    pub(crate) fn submit_offloaded_detached(
        &mut self,
        info: OpInfo,
        scope: Option<NodeId>,
        orphan: Box<dyn Orphan>,
        recall: Recall,
    ) -> Key {
        let key = self.in_flight.insert_detached(Phase::Offloaded, info, orphan, scope);
        self.set_recall(key, recall);
        key
    }

    /// Notes how to ask for the work to stop. `recall` must not come back to this driver.
    pub(crate) fn set_recall(&mut self, key: Key, recall: Recall) {
        self.recalls.0.insert(key.slot(), recall);
    }

    /// Offloaded work has ended.
    pub(crate) fn finish(&mut self, key: Key) -> Arrival {
        let completion = Completion { user_data: key.user_data(), result: 0, flags: 0 };
        let arrival = self.in_flight.complete(key, completion);
        if !matches!(arrival, Arrival::Stale) {
            drop(self.recalls.take(key));
        }
        arrival
    }
}
