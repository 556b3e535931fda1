//! The tables of a thread: each gives back the memory that it does not use, while a core runs and
//! when it has ended.

use crate::driver::DriverRef;
use crate::table::{When, trim_at_end};
use crate::{fd, inbox, instrument, op, scope, stall, task, tree, wake};

/// Every table that a thread keeps for itself.
const TABLES: [fn(When) -> bool; 9] = [
    tree::trim,
    inbox::trim,
    scope::trim,
    wake::trim,
    task::trim,
    instrument::trim,
    stall::trim,
    op::trim,
    fd::trim,
];

fn trim(when: When) -> bool {
    // Not `any`, which would stop at the first.
    TABLES.iter().fold(false, |more, trim| trim(when) | more)
}

/// Trims the tables now and then, while a core runs.
#[cold]
#[inline(never)]
pub(crate) fn running(driver: &DriverRef, now: u64) {
    let more = trim(When::Running);
    driver.borrow_mut().trim(now, more);
}

/// Trims the tables when a runtime has ended on this thread. A future that was kept or forgotten
/// for a while ends later: what it uses is given back at the end of the thread.
pub(crate) fn ended() {
    trim(When::Ended);
    trim_at_end(trim);
}
