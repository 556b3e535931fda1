//! `Waiting`: the futures to be woken when something is left on an object that they wait for.

use super::polled::Polled;
use crate::fd::SharedFd;
use crate::op::{OpHandle, PollOp};
use crate::ring::Interest;
use crate::wake;
use slab::Slab;
use std::cell::{Cell, OnceCell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::Poll;

/// Futures with an operation in flight on the same object, and code that polls it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Each with the number of its seat: a place is used again.
    flights: RefCell<Slab<(u64, OpHandle)>>,
    seats: Cell<u64>,
    /// The waits of code that polls the object, once there were any.
    polled: OnceCell<Weak<Polled>>,
}

impl Waiting {
    /// Wakes all of them, once: each comes back when it is polled. Not just the first, because the
    /// first may never be polled again.
    pub(super) fn wake(&self) {
        let flights: Vec<_> = self.flights.borrow_mut().drain().collect();
        let polled = self.polled.get().and_then(Weak::upgrade);
        let polled = polled.iter().map(|polled| polled.read.nudge());
        wake::wake_all(flights.iter().map(|(_, flight)| flight.nudge()).chain(polled));
    }

    /// Has code that polls the object woken as well.
    pub(super) fn wake_also(&self, polled: &Rc<Polled>) {
        let _ = self.polled.set(Rc::downgrade(polled));
    }
}

/// Waits until the kernel has something to be taken out of a socket, or something is left on it.
pub(super) async fn readable(
    socket: &SharedFd,
    waiting: &Waiting,
    is_left: impl Fn() -> bool,
) -> io::Result<()> {
    let mut poll = PollOp::new(socket.clone(), Interest::Readable);
    let mut seat = None;
    poll_fn(|cx| {
        // What was dropped may have taken what the kernel would have told of.
        if is_left() {
            return Poll::Ready(Ok(()));
        }
        let polled = Pin::new(&mut poll).poll(cx);
        seat = poll.flight().map(|flight| Seat::new(waiting, flight));
        polled
    })
    .await
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
