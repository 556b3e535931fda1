//! `check`: whether the table of operations and the lists of the scopes agree.
//!
//! For tests, and for debug builds at the end of a nursery; see the module `check`.

use super::Driver;
use super::in_flight::{Entry, InFlight};
use super::lifecycle::{Holder, Lifecycle, Phase};
use crate::scope;
use crate::tree::{NONE, NodeId};
use std::collections::BTreeMap;

impl Driver {
    /// Checks the table. Gives for how many operations a future waits, in each scope with some.
    ///
    /// # Panics
    ///
    /// Something is wrong.
    pub(crate) fn check(&self) -> BTreeMap<NodeId, usize> {
        self.in_flight.check()
    }

    /// Checks the list of a scope. Gives for how many operations in it a future waits.
    pub(crate) fn check_list(&self, scope: NodeId) -> usize {
        self.in_flight.check_list(scope).1
    }

    /// Whether the table is so small that to check all of it is nothing.
    pub(crate) fn is_small(&self) -> bool {
        self.in_flight.slots() <= SMALL
    }
}

/// Slots of a small table, taken or not.
const SMALL: u32 = 16;

impl InFlight {
    fn check(&self) -> BTreeMap<NodeId, usize> {
        let (mut pending, mut submitted, mut listed) = (0, 0, 0);
        let mut scopes = BTreeMap::new();
        for (slot, entry) in self.entries.iter() {
            assert_eq!(entry.key.slot(), slot, "the slot of {entry:?}");
            let phase = entry.lifecycle.phase();
            pending += usize::from(phase.is_some());
            submitted += usize::from(phase == Some(Phase::Submitted));
            match entry.scope().filter(|_| phase.is_some()) {
                Some(scope) => {
                    listed += 1;
                    scopes.insert(scope, 0);
                }
                None => {
                    let links = (entry.previous, entry.next, entry.is_held);
                    assert_eq!(links, (NONE, NONE, false), "{entry:?} is in no list");
                }
            }
        }
        assert_eq!((self.pending(), self.submitted()), (pending, submitted), "what is in flight");
        let mut found = 0;
        for (scope, held) in &mut scopes {
            let (length, waits) = self.check_list(*scope);
            found += length;
            *held = waits;
        }
        assert_eq!(found, listed, "each operation is in the list of its scope");
        scopes
    }

    /// Each entry in the list of a scope is that scope's, and linked both ways. Gives how many
    /// there are, and for how many a future waits.
    fn check_list(&self, scope: NodeId) -> (usize, usize) {
        let head = scope::ops(scope).expect("a scope with operations is open");
        let (mut at, mut before, mut length, mut held) = (head, NONE, 0, 0);
        while at != NONE {
            let entry: &Entry = &self.entries[at as usize];
            assert!(entry.scope() == Some(scope), "{entry:?} is in the list of {scope:?}");
            assert!(entry.lifecycle.phase().is_some(), "{entry:?} is answered");
            assert_eq!(entry.previous, before, "what is before {entry:?}");
            let has_future = matches!(entry.lifecycle, Lifecycle::Pending(_, Holder::Future(_)));
            assert!(has_future || !entry.is_held, "nothing waits for {entry:?}");
            held += usize::from(entry.is_held);
            (before, at, length) = (at, entry.next, length + 1);
            assert!(length <= self.pending(), "the list of {scope:?} is a circle");
        }
        (length, held)
    }
}
