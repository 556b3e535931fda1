//! The slots of descriptors in the tables that rings have of open files: which tables these are, by
//! number. Apart from the descriptors: of a hundred thousand connections, none has a slot.

use crate::context;
use crate::table::{Trim, When};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::rc::Weak;

/// What has given slots to descriptors: a core's ring.
pub(crate) trait Table {
    /// Nothing names the slot any more, and nothing is in flight on it.
    fn take_back(&self, slot: u16);
}

/// By the descriptor's number: the table, and the slot.
pub(super) type ByNumber = RefCell<BTreeMap<RawFd, (Weak<dyn Table>, u16)>>;

/// The descriptor has a slot.
pub(super) fn keep(number: RawFd, table: Weak<dyn Table>, slot: u16) {
    context::with(|context| context.fd.registered.borrow_mut().insert(number, (table, slot)));
}

/// The slot of a descriptor goes back.
#[cold]
pub(super) fn give_back(number: RawFd) {
    let kept = context::with(|context| context.fd.registered.borrow_mut().remove(&number));
    let (table, slot) = kept.expect("it has a slot");
    // A ring that has ended has let go of all.
    if let Some(table) = table.upgrade() {
        table.take_back(slot);
    }
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(super) fn trim(when: When) -> bool {
    context::with(|context| context.fd.registered.borrow_mut().trim(when))
}
