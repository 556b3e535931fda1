//! `Unanimous`: waits until everybody has agreed.

use crate::event::Event;
use std::cell::Cell;

/// A decision that takes everybody. Tasks of one core share it by reference: a nursery's children
/// may borrow.
pub(crate) struct Unanimous {
    missing: Cell<usize>,
    decided: Event,
}

impl Unanimous {
    pub(crate) fn of(voices: usize) -> Self {
        Self { missing: Cell::new(voices), decided: Event::new() }
    }

    /// Agrees, and returns when all others have.
    pub(crate) async fn agree(&self) {
        self.missing.set(self.missing.get() - 1);
        if self.missing.get() == 0 {
            self.decided.raise();
        }
        self.decided.raised().await;
    }
}
