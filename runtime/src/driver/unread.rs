//! `Unread`: the answers to one operation that its future has not taken yet, oldest first.
//!
//! ```text
//!   kernel ── more ──▶ Unread ──▶ its future
//!                        │ full: the kernel is asked to end the operation; it is begun anew when
//!                        ▼       its future has taken what is there
//!                      paused
//! ```

use crate::config::UNREAD_ANSWERS;
use crate::ring::Completion;
use std::collections::VecDeque;

/// Of an operation that the kernel may answer more than once; not of any other.
#[derive(Debug, Default)]
#[expect(clippy::box_collection, reason = "one word in each entry of the table, and not four")]
pub(super) struct Unread(Option<Box<VecDeque<Completion>>>);

impl Unread {
    /// Of an operation that is answered many times.
    pub(super) fn of_many() -> Self {
        Self(Some(Box::default()))
    }

    /// Whether the operation is answered many times.
    #[inline]
    pub(super) fn is_of_many(&self) -> bool {
        self.0.is_some()
    }

    /// Keeps an answer. Tells if there are as many now as may wait.
    pub(super) fn push(&mut self, completion: Completion) -> bool {
        let Some(answers) = &mut self.0 else { return false };
        answers.push_back(completion);
        answers.len() >= UNREAD_ANSWERS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|answers| answers.is_empty())
    }

    /// Takes the oldest. Most operations have none: they are answered once.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Completion> {
        self.0.as_mut()?.pop_front()
    }
}
