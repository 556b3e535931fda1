//! The lists of the submissions that were made under one scope each.
//!
//! When a scope closes before its list is empty, its parent adopts what is in it: so a nursery sees
//! from an empty list that nothing below it is in flight.

use super::in_flight::InFlight;
use crate::key::Key;
use crate::scope::{self, EndedOp};
use crate::tree::{NONE, NodeId, PackedId};

impl InFlight {
    /// Takes an entry out of its scope's list; the scope does not count it any longer. Tells what
    /// follows from that.
    #[inline(always)]
    pub(super) fn unlink(&mut self, slot: u32) -> EndedOp {
        let entry = &mut self.entries[slot as usize];
        let is_held = std::mem::take(&mut entry.is_held);
        let Some(scope) = entry.scope() else { return EndedOp::default() };
        let previous = std::mem::replace(&mut entry.previous, NONE);
        let next = std::mem::replace(&mut entry.next, NONE);
        self.join(previous, next);
        scope::end_op(scope, is_held, (previous == NONE).then_some(next))
    }

    /// Makes neighbours of two entries between which one stood.
    #[inline(always)]
    pub(super) fn join(&mut self, previous: u32, next: u32) {
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if previous != NONE {
            self.entries[previous as usize].next = next;
        }
    }

    /// The slots in the list that starts at `head`.
    pub(super) fn list(&self, head: u32) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut at = head;
        while at != NONE {
            slots.push(at);
            at = self.entries[at as usize].next;
        }
        slots
    }

    /// The entry behind another one in its list.
    pub(super) fn behind(&self, slot: u32) -> Option<Key> {
        let next = self.entries[slot as usize].next as usize;
        self.entries.get(next).map(|entry| entry.key)
    }

    /// Whether an entry is in the list of a scope.
    pub(super) fn is_listed(&self, key: Key, scope: Option<NodeId>) -> bool {
        self.is_pending(key) && self.peek(key).is_some_and(|entry| entry.scope() == scope)
    }

    /// Moves the entries of a closing scope's list to that of `by`, which waits for their answers.
    pub(super) fn adopt(&mut self, slots: &[u32], by: Option<NodeId>) {
        for &slot in slots {
            let was_held = self.entries[slot as usize].is_held;
            self.unlink(slot);
            let is_held = was_held && by.is_some_and(scope::hold);
            let behind = by.and_then(|by| scope::push_op(by, slot));
            let entry = &mut self.entries[slot as usize];
            entry.is_held = is_held;
            entry.scope = by.filter(|_| behind.is_some()).map(PackedId::from);
            entry.next = behind.unwrap_or(NONE);
            if entry.next != NONE {
                let next = entry.next as usize;
                self.entries[next].previous = slot;
            }
        }
    }

    /// Takes everything out of the lists of scopes.
    pub(super) fn part(&mut self) {
        let listed = self.entries.iter().filter(|(_, entry)| entry.lifecycle.phase().is_some());
        let listed: Vec<_> = listed.map(|(slot, _)| slot as u32).collect();
        self.adopt(&listed, None);
    }
}
