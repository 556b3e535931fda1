//! `Waiting`: the futures to be woken when something is left on an object that they wait for.

use crate::op::OpHandle;
use crate::wake;
use slab::Slab;
use std::cell::{Cell, RefCell};

/// Futures with an operation in flight on the same object.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Each with the number of its seat: a place is used again.
    flights: RefCell<Slab<(u64, OpHandle)>>,
    seats: Cell<u64>,
}

impl Waiting {
    /// Wakes all of them, once: each comes back when it is polled. Not just the first, because the
    /// first may never be polled again.
    pub(super) fn wake(&self) {
        let flights: Vec<_> = self.flights.borrow_mut().drain().collect();
        wake::wake_all(flights.iter().map(|(_, flight)| flight.nudge()));
    }
}

/// One future's place among them, until it is dropped or the future woken.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    waiting: &'a Waiting,
    index: usize,
    number: u64,
}

impl<'a> Seat<'a> {
    pub(super) fn new(waiting: &'a Waiting, flight: &OpHandle) -> Self {
        let number = waiting.seats.get() + 1;
        waiting.seats.set(number);
        let index = waiting.flights.borrow_mut().insert((number, flight.clone()));
        Self { waiting, index, number }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut flights = self.waiting.flights.borrow_mut();
        // Another seat may have the place now, of the same future as well.
        if flights.get(self.index).is_some_and(|(number, _)| *number == self.number) {
            flights.remove(self.index);
        }
    }
}
