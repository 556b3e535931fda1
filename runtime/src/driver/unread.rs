//! `Unread`: the answers to operations that their futures have not taken yet, oldest first.
//!
//! ```text
//!   kernel ── more ──▶ Unread ──▶ its future
//!                        │ full: the kernel is asked to end the operation; it is begun anew when
//!                        ▼       its future has taken what is there
//!                      ended
//! ```

use crate::config::UNREAD_ANSWERS;
use crate::ring::Completion;
use std::collections::{BTreeMap, VecDeque};

/// By slot, of those operations that the kernel may answer more than once. They are few, and stand
/// apart from the table of all, so that the others carry nothing for it.
#[derive(Debug, Default)]
pub(super) struct Unread(BTreeMap<u32, VecDeque<Completion>>);

impl Unread {
    /// Keeps an answer. Tells if there are as many now as may wait.
    pub(super) fn push(&mut self, slot: u32, completion: Completion) -> bool {
        let answers = self.0.entry(slot).or_default();
        answers.push_back(completion);
        answers.len() >= UNREAD_ANSWERS
    }

    pub(super) fn is_empty(&self, slot: u32) -> bool {
        self.0.get(&slot).is_none_or(VecDeque::is_empty)
    }

    /// Takes the oldest.
    pub(super) fn pop(&mut self, slot: u32) -> Option<Completion> {
        self.0.get_mut(&slot)?.pop_front()
    }

    /// The operation is gone, with what was taken.
    pub(super) fn end(&mut self, slot: u32) {
        self.0.remove(&slot);
    }
}
