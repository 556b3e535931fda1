//! `Slow`: cancels that the kernel takes long to acknowledge, for an instrument to be told.

use crate::config::SLOW_ACKNOWLEDGEMENT;
use crate::key::Key;
use crate::table::{Trim, When};
use std::collections::VecDeque;

/// The operations whose cancel was asked for while an instrument listened, oldest first. At most
/// the operations of the last second, and those that are slow.
#[derive(Debug, Default)]
pub(super) struct Slow {
    asked: VecDeque<(u64, Key)>,
}

impl Slow {
    pub(super) fn push(&mut self, now: u64, key: Key) {
        self.asked.push_back((now.saturating_add(SLOW_ACKNOWLEDGEMENT.as_nanos() as u64), key));
    }

    /// When the first cancel that is still pending will have taken too long. Forgets the cancels
    /// before it, which are over.
    pub(super) fn next(&mut self, is_pending: impl Fn(Key) -> bool) -> Option<u64> {
        while let Some((late, key)) = self.asked.front() {
            if is_pending(*key) {
                return Some(*late);
            }
            self.asked.pop_front();
        }
        None
    }

    /// Takes the first operation.
    pub(super) fn pop(&mut self) -> Option<Key> {
        self.asked.pop_front().map(|(_, key)| key)
    }

    /// Gives back what the queue does not use. Tells if there is more to come.
    pub(super) fn trim(&mut self) -> bool {
        self.asked.trim(When::Running)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asked.is_empty()
    }
}
