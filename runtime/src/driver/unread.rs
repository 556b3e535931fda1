//! `Unread`: the answers to operations that their futures have not taken yet, oldest first.
//!
//! ```text
//!   kernel ── more ──▶ Unread ──▶ its future
//!                        │ full: the kernel is asked to end the operation; it is begun anew when
//!                        ▼       its future has taken what is there
//!                      ended
//! ```

use super::outcome::Many;
use crate::ring::Completion;
use std::collections::{BTreeMap, VecDeque};

/// By slot, of those operations that the kernel may answer more than once. They are few, and stand
/// apart from the table of all, so that the others carry nothing for it.
#[derive(Debug, Default)]
pub(super) struct Unread(BTreeMap<u32, Answers>);

#[derive(Debug)]
struct Answers {
    unread: VecDeque<Completion>,
    many: Many,
}

impl Answers {
    /// More have taken a buffer, or fewer.
    fn count_taken(&self, completion: Completion, change: isize) {
        if let Some(taken) = &self.many.taken
            && completion.buffer().is_some()
        {
            taken.set(taken.get().wrapping_add_signed(change));
        }
    }
}

impl Unread {
    /// An operation begins.
    pub(super) fn expect(&mut self, slot: u32, many: Many) {
        self.0.insert(slot, Answers { unread: VecDeque::new(), many });
    }

    /// Keeps an answer. Tells if there are as many now as may wait.
    pub(super) fn push(&mut self, slot: u32, completion: Completion) -> bool {
        let answers = self.0.get_mut(&slot).expect("it is in flight");
        answers.unread.push_back(completion);
        answers.count_taken(completion, 1);
        answers.unread.len() >= answers.many.most
    }

    pub(super) fn is_empty(&self, slot: u32) -> bool {
        self.0.get(&slot).is_none_or(|answers| answers.unread.is_empty())
    }

    /// Takes the oldest.
    pub(super) fn pop(&mut self, slot: u32) -> Option<Completion> {
        let answers = self.0.get_mut(&slot)?;
        let completion = answers.unread.pop_front()?;
        answers.count_taken(completion, -1);
        Some(completion)
    }

    /// The operation is gone, with what was taken.
    pub(super) fn end(&mut self, slot: u32) {
        self.0.remove(&slot);
    }
}
