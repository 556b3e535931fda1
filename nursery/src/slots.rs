//! `Slots`: how many children a nursery may have, and who waits for room.
//!
//! Whoever lets go of a slot hands it to the one who waits longest, so nobody overtakes.

use nestling_runtime::lowlevel::current_reason;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The slots of one nursery.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Cell<usize>,
    waiting: RefCell<BTreeMap<u64, Option<Waker>>>,
    tickets: Cell<u64>,
}

/// One slot. Comes free when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Rc<Slots>);

/// Waits for a slot.
#[derive(Debug)]
pub(crate) struct Acquire {
    slots: Rc<Slots>,
    /// Its place in the queue, while it waits in it or has been served.
    ticket: Option<u64>,
}

impl Slots {
    /// As many slots as the limit says, at least one.
    pub(crate) fn new(limit: Option<usize>) -> Rc<Self> {
        let free = Cell::new(limit.unwrap_or(usize::MAX).max(1));
        Rc::new(Self { free, waiting: RefCell::default(), tickets: Cell::new(0) })
    }

    /// A slot, if one is free: then nobody waits for it.
    pub(crate) fn try_acquire(self: &Rc<Self>) -> Option<Permit> {
        let left = self.free.get().checked_sub(1)?;
        self.free.set(left);
        Some(Permit(Rc::clone(self)))
    }

    pub(crate) fn acquire(self: &Rc<Self>) -> Acquire {
        Acquire { slots: Rc::clone(self), ticket: None }
    }

    /// A slot is not needed any more: it goes to the first in the queue.
    fn release(&self) {
        let first = self.waiting.borrow_mut().pop_first();
        match first {
            Some((_, waker)) => waker.into_iter().for_each(Waker::wake),
            None => self.free.set(self.free.get() + 1),
        }
    }
}

impl Acquire {
    /// Whether it has left the queue, which is done by those who hand it a slot.
    fn is_served(&self, ticket: u64) -> bool {
        !self.slots.waiting.borrow().contains_key(&ticket)
    }
}

impl Future for Acquire {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Permit> {
        if let Some(ticket) = self.ticket
            && self.is_served(ticket)
        {
            self.ticket = None;
            return Poll::Ready(Permit(Rc::clone(&self.slots)));
        }
        if current_reason().is_some() {
            // A drop point: this await does not return.
            return Poll::Pending;
        }
        if self.ticket.is_none() {
            if let Some(permit) = self.slots.try_acquire() {
                return Poll::Ready(permit);
            }
            self.ticket = Some(self.slots.tickets.replace(self.slots.tickets.get() + 1));
        }
        let ticket = self.ticket.expect("it is in the queue");
        let waker = Some(cx.waker().clone());
        // Dropped outside the borrow: a foreign waker's destructor is foreign code.
        let old = self.slots.waiting.borrow_mut().insert(ticket, waker);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let left = self.slots.waiting.borrow_mut().remove(&ticket);
        if left.is_none() {
            // It was served, and goes before it could take what it was given.
            self.slots.release();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.release();
    }
}
