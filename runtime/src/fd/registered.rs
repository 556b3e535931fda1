//! The slots of descriptors in the tables that rings have of open files: which tables these are, by
//! number. Apart from the descriptors: of a hundred thousand connections, none has a slot.

use crate::context;
use crate::table::{self, Trim, When};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::rc::Weak;

/// What has given slots to descriptors: a core's ring.
pub(crate) trait Table {
    /// Nothing names the slot any more, and nothing is in flight on it.
    fn take_back(&self, slot: u16);
}

/// The table and the slot, by the descriptor's number.
pub(super) type ByNumber = RefCell<Tables>;

type Tables = BTreeMap<RawFd, (Weak<dyn Table>, u16)>;

fn with<R>(f: impl FnOnce(&mut Tables) -> R) -> R {
    context::with(|context| f(&mut context.fd.registered.borrow_mut()))
}

/// The descriptor has a slot.
pub(super) fn keep(number: RawFd, table: Weak<dyn Table>, slot: u16) {
    with(|tables| tables.insert(number, (table, slot)));
}

/// The slot of a descriptor goes back.
#[cold]
pub(super) fn give_back(number: RawFd) {
    let kept = with(|tables| table::remove(tables, &number));
    let (table, slot) = kept.expect("it has a slot");
    // A ring that has ended has let go of all.
    if let Some(table) = table.upgrade() {
        table.take_back(slot);
    }
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(super) fn trim(when: When) -> bool {
    with(|tables| tables.trim(when))
}
