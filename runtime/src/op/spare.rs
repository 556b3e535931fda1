//! `Spare`: memory that the kernel is lent with a message, between two messages: in the steady
//! state, messages allocate nothing.

use super::header::Header;
use crate::context;
use crate::table::When;
use socket2::SockAddr;
use std::cell::RefCell;

/// How many unused headers a thread keeps, with [`LISTS`] bytes of lists each at most: 136 KiB in
/// all. Headers of receives that wait for long are in use, and do not count: a thread needs as many
/// as messages begin while others end.
const HEADERS: usize = 32;

/// How large the lists of a header that is kept may be, parts and control data: room for as many
/// descriptors as the kernel passes along, and for parts beside them. A header that was lent with
/// the most parts has 16 KiB, and is let go of.
pub(super) const LISTS: usize = 4096;

/// How many unused names a thread keeps, 17 KiB in all: as many as a busy server sends to in a
/// turn.
const NAMES: usize = 128;

/// Boxes that are in no use. The kernel is told where a box is, so the box stays there.
#[derive(Debug)]
pub(crate) struct Spare<T, const MOST: usize>(pub(crate) RefCell<Vec<Box<T>>>);

impl<T, const MOST: usize> Spare<T, MOST> {
    const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    pub(super) fn take(&self) -> Option<Box<T>> {
        self.0.borrow_mut().pop()
    }

    pub(super) fn give_back(&self, one: Box<T>) {
        let mut spare = self.0.borrow_mut();
        if spare.len() < MOST {
            spare.push(one);
        }
    }
}

/// The unused boxes of a thread.
#[derive(Debug)]
pub(crate) struct PerThread {
    pub(crate) headers: Spare<Header, HEADERS>,
    pub(super) names: Spare<SockAddr, NAMES>,
}

impl PerThread {
    pub(crate) const fn new() -> Self {
        Self { headers: Spare::new(), names: Spare::new() }
    }
}

/// Gives back what no message uses, when a runtime has ended.
pub(crate) fn trim(when: When) -> bool {
    if when == When::Ended {
        drop(context::with(|context| (context.op.headers.0.take(), context.op.names.0.take())));
    }
    false
}
