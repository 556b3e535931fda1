//! The wakers that wait for a descriptor to have one owner left, by its number. Apart from the
//! descriptors: of a hundred thousand connections, one is being closed.

use crate::context;
use crate::table::{self, Trim, When};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::task::Waker;

/// The wakers, by the descriptor's number.
pub(super) type ByNumber = RefCell<BTreeMap<RawFd, Waker>>;

fn with<R>(f: impl FnOnce(&mut BTreeMap<RawFd, Waker>) -> R) -> R {
    context::with(|context| f(&mut context.fd.awaited.borrow_mut()))
}

/// A waker waits for a descriptor, instead of the one before.
pub(super) fn wait(number: RawFd, waker: Waker) {
    // Outside of the borrow: a foreign waker's destructor is foreign code.
    drop(with(|wakers| wakers.insert(number, waker)));
}

/// Takes the waker that waits for a descriptor.
#[cold]
pub(super) fn take(number: RawFd) -> Option<Waker> {
    with(|wakers| table::remove(wakers, &number))
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(super) fn trim(when: When) -> bool {
    with(|wakers| wakers.trim(when))
}
