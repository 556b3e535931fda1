//! What accepts and receives that resume need of the driver: to end an operation that is to be
//! begun anew, to wake a future that is to look at something else, and to count answers that go
//! elsewhere.

use super::{Driver, DriverRef};
use crate::counters::Counters;
use crate::key::Key;
use crate::wake::Waiter;

impl Driver {
    /// Takes the waiter of an operation, to be woken. The operation is in flight as before, and the
    /// next poll of its future registers a waiter again.
    pub(crate) fn nudge(&mut self, key: Key) -> Waiter {
        self.in_flight.take_waiter(key)
    }

    /// Has the kernel end an operation, so that its future can ask anew. Tells if that is needed:
    /// not if it was asked to before, or has not seen it yet.
    pub(crate) fn interrupt(&mut self, key: Key) -> bool {
        let ask = self.in_flight.interrupt(key);
        ask.then_some(key).into_iter().for_each(|key| self.ask(key));
        ask
    }
}

/// Disposes of an answer that no future takes any more, and counts it: as kept for something else,
/// which `dispose` tells, or as discarded, and then as lost if it is a `success`; also if `dispose`
/// panics. It runs foreign code, so the driver is not borrowed.
pub(crate) fn dispose(driver: &DriverRef, success: bool, dispose: impl FnOnce() -> bool) -> bool {
    let mut counted = Counted { driver, success, kept: false };
    counted.kept = dispose();
    counted.kept
}

struct Counted<'a> {
    driver: &'a DriverRef,
    success: bool,
    kept: bool,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let driver = self.driver.borrow();
        let Counters { resumed, discarded, lost, .. } = &*driver.counters;
        if self.kept { resumed } else { discarded }.add(1);
        lost.add(u64::from(self.success && !self.kept));
    }
}
