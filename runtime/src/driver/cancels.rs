//! Cancelling: from the lists of scopes, from futures that are dropped, and when a scope closes.
//!
//! ```text
//!   cancelled scopes ─▶ marked ─┐ what never entered the kernel is resolved
//!   futures dropped ────────────┴─▶ cancels ─▶ the kernel's queue
//! ```
//!
//! A scope is marked in the turn in which it is cancelled. Of what is marked, a turn asks for
//! [`CANCELS_PER_TURN`] operations, and it hands as many requests to the kernel, ahead of new
//! submissions: with no more than that, all of it happens in the same turn. The rest follows in the
//! next turns, each operation once, and what is marked does not enter the kernel meanwhile.

use super::in_flight::Entry;
use super::outcome::CancelStep;
use super::{Abandoned, Driver, Orphan};
use crate::config::CANCELS_PER_TURN;
use crate::instrument;
use crate::key::Key;
use crate::scope;
use crate::tree::{self, NONE, NodeId};
use crate::wake::Waiter;
use std::collections::VecDeque;

/// Cancelled scopes whose operations are still to be asked for.
#[derive(Debug)]
pub(super) struct Marked {
    /// The places of cancelled scopes. Another cancelled scope may be in one of them by now: all of
    /// its operations are asked for by then, and none is asked for twice.
    scopes: VecDeque<u32>,
    /// Where to go on in the list of the first scope; from its head, if this entry is gone.
    next: Option<Key>,
    /// Where to go on in the table, when everything is cancelled.
    slot: Option<u32>,
    /// How many this turn may still look at.
    left: usize,
}

impl Default for Marked {
    fn default() -> Self {
        Self { scopes: VecDeque::new(), next: None, slot: None, left: CANCELS_PER_TURN }
    }
}

impl Marked {
    pub(super) fn is_empty(&self) -> bool {
        self.scopes.is_empty() && !self.is_everything()
    }

    /// Whether everything is marked, and the table was not gone through yet.
    pub(super) fn is_everything(&self) -> bool {
        self.slot.is_some()
    }

    /// A new turn begins.
    pub(super) fn refill(&mut self) {
        self.left = CANCELS_PER_TURN;
    }
}

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
        self.counters.withdrawn.add(u64::from(matches!(abandoned, Abandoned::Withdrawn(_))));
        (abandoned, held)
    }

    /// Asks for every operation of the cancelled scopes in these places to be cancelled, now or in
    /// the next turns. What never entered the kernel is resolved here; the caller has to wake
    /// the waiters that come back.
    pub(crate) fn cancel_scopes(&mut self, scopes: Vec<u32>) -> Vec<Waiter> {
        match self.marked.scopes.is_empty() {
            true => self.marked.scopes = scopes.into(),
            false => self.marked.scopes.extend(scopes),
        }
        self.ask_marked()
    }

    /// Asks for every operation of the table to be cancelled, likewise.
    pub(crate) fn cancel_all(&mut self) -> Vec<Waiter> {
        self.marked.slot = Some(0);
        self.ask_marked()
    }

    /// Asks for what is marked, as far as this turn may.
    pub(crate) fn ask_marked(&mut self) -> Vec<Waiter> {
        let mut withdrawn = Vec::new();
        while self.marked.left > 0 && !self.marked.is_empty() {
            self.marked.left -= 1;
            let slot = self.next_listed().or_else(|| self.next_slot());
            slot.into_iter().for_each(|slot| self.cancel_slot(slot, &mut withdrawn));
        }
        withdrawn
    }

    /// The next operation in the lists of the marked scopes, if the first of them has one.
    fn next_listed(&mut self) -> Option<u32> {
        let Marked { scopes, next, .. } = &mut self.marked;
        let place = *scopes.front()?;
        let scope = scope::cancelled_at(place);
        let at = next.take().filter(|key| self.in_flight.is_listed(*key, scope));
        let slot = at.map(|key| key.slot() as u32).or_else(|| scope.and_then(scope::ops));
        let slot = slot.filter(|slot| *slot != NONE);
        *next = slot.and_then(|slot| self.in_flight.behind(slot));
        if next.is_none() {
            scopes.pop_front();
        }
        if scopes.is_empty() {
            // After a mass cancel the queue holds megabytes.
            *scopes = VecDeque::new();
        }
        slot
    }

    /// The next slot of the table, if everything is marked.
    fn next_slot(&mut self) -> Option<u32> {
        let slots = if self.in_flight.pending() == 0 { 0 } else { self.in_flight.slots() };
        let slot = self.marked.slot.filter(|slot| *slot < slots);
        self.marked.slot = slot.map(|slot| slot + 1);
        slot
    }

    fn cancel_slot(&mut self, slot: u32, withdrawn: &mut Vec<Waiter>) {
        match self.in_flight.cancel(slot) {
            CancelStep::Nothing => {}
            CancelStep::Ask(key) => self.ask(key),
            CancelStep::Withdrawn(waiter) => {
                self.counters.withdrawn.add(1);
                withdrawn.push(waiter);
            }
        }
    }

    pub(super) fn ask(&mut self, key: Key) {
        match self.recalls.take(key) {
            // Called while the driver is borrowed: a recall only sends word, and drops nothing of
            // a user's. The maker of the work keeps that alive until its future is gone.
            Some(recall) => {
                // A recall stands here for as long as its entry does.
                recall(self.in_flight.info(key.slot()).reason());
            }
            None => self.cancels.push_back(key),
        }
        if instrument::is_on() {
            self.slow.push(tree::now(), key);
        }
    }

    /// A scope closes: operations that are in flight under it are cancelled and belong to its
    /// parent from now on; but work that never had a future goes on there.
    pub(crate) fn adopt(&mut self, closing: NodeId) -> Vec<Waiter> {
        let Some(head) = scope::ops(closing) else { return Vec::new() };
        // The parent may have closed already, when a future was moved. Then the scope of the code
        // that drops the future adopts the operations.
        let heir = scope::parent(closing).or_else(scope::current).filter(|heir| *heir != closing);
        let is_over = heir.is_none_or(scope::is_in_cancelled);
        let mut withdrawn = Vec::new();
        for slot in self.in_flight.list(head) {
            if is_over || !self.in_flight.goes_on(slot) {
                self.cancel_slot(slot, &mut withdrawn);
            }
        }
        let left = scope::ops(closing).map(|head| self.in_flight.list(head));
        self.in_flight.adopt(&left.unwrap_or_default(), heir);
        withdrawn
    }

    /// An operation that was given up ends under the scope of the code that gave it up: that scope
    /// waits for the end from now on. This is done only where the nursery that has waited for the
    /// operation waits for that scope as well.
    pub(crate) fn end_here(&mut self, key: Key) {
        let is_pending = self.in_flight.is_pending(key);
        let from = self.in_flight.peek(key).filter(|_| is_pending).and_then(Entry::scope);
        let here = scope::current().filter(|here| Some(*here) != from);
        if from.is_some_and(scope::is_beside) && here.is_some() {
            self.in_flight.adopt(&[key.slot() as u32], here);
        }
    }

    /// When the core has to wake up by itself.
    pub(super) fn deadline(&mut self) -> Option<u64> {
        let slow = self.slow.next(|key| self.in_flight.is_pending(key));
        let looks = scope::next_recheck();
        let first = self.timers.next().into_iter().chain(slow).chain(looks).min();
        match self.trim_deadline() {
            None => first,
            Some(trim) => Some(first.map_or(trim, |first| first.min(trim))),
        }
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
