//! `Waiting`: the futures to be woken when something is left on an object that they wait for.

use crate::op::OpHandle;
use crate::wake;
use slab::Slab;
use std::cell::RefCell;

/// Futures with an operation in flight on the same object.
#[derive(Debug, Default)]
pub(super) struct Waiting(RefCell<Slab<OpHandle>>);

impl Waiting {
    /// Wakes all of them, once: each comes back when it is polled. Not just the first, because the
    /// first may never be polled again.
    pub(super) fn wake(&self) {
        let flights: Vec<_> = self.0.borrow_mut().drain().collect();
        wake::wake_all(flights.iter().map(OpHandle::nudge));
    }
}

/// One future's place among them, until it is dropped or the future woken.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    waiting: &'a Waiting,
    index: usize,
    flight: OpHandle,
}

impl<'a> Seat<'a> {
    pub(super) fn new(waiting: &'a Waiting, flight: &OpHandle) -> Self {
        let index = waiting.0.borrow_mut().insert(flight.clone());
        Self { waiting, index, flight: flight.clone() }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiting.0.borrow_mut();
        // Another one may have the place now.
        if waiting.get(self.index).is_some_and(|flight| flight.is(&self.flight)) {
            waiting.remove(self.index);
        }
    }
}
