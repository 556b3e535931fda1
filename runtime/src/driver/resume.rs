//! What resuming accepts and receives needs of the driver: operations that are ended to be begun
//! anew, futures that are woken to look at something else, and a count.

use super::Driver;
use crate::key::Key;
use crate::wake::Waiter;

impl Driver {
    /// Takes whoever waits for an operation, to be woken. It is in flight as before, and whoever
    /// polls it next waits for it.
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

    /// A result for which nobody waited was kept for the next one.
    pub(crate) fn count_resumed(&mut self) {
        self.stats.discarded -= 1;
        self.stats.resumed += 1;
    }
}
