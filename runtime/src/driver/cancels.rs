//! Cancelling: from the lists of scopes, from futures that are dropped, and when a scope closes.

use super::in_flight::CancelStep;
use super::{Abandoned, Driver, Orphan};
use crate::instrument;
use crate::key::Key;
use crate::scope;
use crate::tree::{self, NodeId};
use crate::wake::Waiter;

impl Driver {
    /// The future of an operation is dropped: what the kernel may touch is kept here until its
    /// final completion, for which the kernel is asked. The scope, if there is one, is cancelled,
    /// and to be looked at again.
    pub(crate) fn abandon(
        &mut self,
        key: Key,
        keep: impl FnOnce() -> Box<dyn Orphan>,
    ) -> (Abandoned, Option<NodeId>) {
        let (abandoned, ask, held) = self.in_flight.abandon(key, keep);
        ask.into_iter().for_each(|key| self.ask(key));
        match &abandoned {
            Abandoned::Withdrawn(_) => self.stats.withdrawn += 1,
            Abandoned::Finished(_) => self.stats.discarded += 1,
            Abandoned::HandedOver(_) => {}
        }
        (abandoned, held)
    }

    /// Asks for every operation in a scope's list to be cancelled. What never entered the kernel
    /// is resolved here; those who wait for it come back to be woken.
    pub(crate) fn cancel_list(&mut self, head: u32) -> Vec<Waiter> {
        let slots = self.in_flight.list(head);
        self.cancel_slots(&slots)
    }

    /// Asks for everything to be cancelled.
    pub(crate) fn cancel_all(&mut self) -> Vec<Waiter> {
        let slots = self.in_flight.all_pending();
        self.cancel_slots(&slots)
    }

    fn cancel_slots(&mut self, slots: &[u32]) -> Vec<Waiter> {
        let mut withdrawn = Vec::new();
        for &slot in slots {
            match self.in_flight.cancel(slot) {
                CancelStep::Nothing => {}
                CancelStep::Ask(key) => self.ask(key),
                CancelStep::Withdrawn(waiter) => {
                    self.stats.withdrawn += 1;
                    withdrawn.push(waiter);
                }
            }
        }
        withdrawn
    }

    pub(super) fn ask(&mut self, key: Key) {
        match self.recalls.take(key) {
            // With the driver borrowed: it only sends word, and drops nothing of a user's. Whoever
            // made it keeps that alive until the future of the work is gone.
            Some(recall) => recall(),
            None => self.cancels.push_back(key),
        }
        if instrument::is_on() {
            self.slow.push(tree::now(), key);
        }
    }

    /// A scope closes: what is still in flight under it is cancelled and belongs to its parent
    /// from now on.
    pub(crate) fn adopt(&mut self, closing: NodeId) -> Vec<Waiter> {
        let Some(head) = scope::ops(closing) else { return Vec::new() };
        let withdrawn = self.cancel_list(head);
        let left = scope::ops(closing).map(|head| self.in_flight.list(head));
        // A scope around it may have closed already, when a future was moved; then it is for those
        // in which that is dropped.
        let heir = scope::parent(closing).or_else(scope::current).filter(|heir| *heir != closing);
        self.in_flight.adopt(&left.unwrap_or_default(), heir);
        withdrawn
    }

    /// When the core has to wake up by itself.
    pub(super) fn deadline(&mut self) -> Option<u64> {
        let slow = self.slow.next(|key| self.in_flight.is_pending(key));
        self.timers.next().into_iter().chain(slow).min()
    }

    /// Tells the instrument of operations that the kernel does not let go of.
    #[cold]
    pub(super) fn tell_slow(&mut self) {
        let now = self.now();
        while self.slow.next(|key| self.in_flight.is_pending(key)).is_some_and(|late| late <= now) {
            let key = self.slow.pop();
            key.into_iter().for_each(|key| self.in_flight.tell_slow(key, now));
        }
    }
}
