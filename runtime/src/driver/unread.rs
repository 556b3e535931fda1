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
use std::collections::VecDeque;

/// The answers by slot, of operations that the kernel may answer more than once. Apart from the
/// table of all operations, so that the others carry nothing for this; empty without such an
/// operation.
#[derive(Debug, Default)]
pub(super) struct Unread(Vec<Option<Box<Answers>>>);

#[derive(Debug)]
struct Answers {
    unread: VecDeque<Completion>,
    many: Many,
}

impl Answers {
    /// Counts an answer that has taken a buffer in, or out.
    fn count_taken(&self, completion: Completion, change: isize) {
        if let Some(taken) = &self.many.taken
            && completion.buffer().is_some()
        {
            taken.set(taken.get().wrapping_add_signed(change));
        }
    }
}

impl Unread {
    /// An operation that may be answered many times begins.
    pub(super) fn expect(&mut self, slot: usize, many: Many) {
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some(Box::new(Answers { unread: VecDeque::new(), many }));
    }

    fn get(&self, slot: usize) -> Option<&Answers> {
        self.0.get(slot)?.as_deref()
    }

    #[inline]
    fn get_mut(&mut self, slot: usize) -> Option<&mut Answers> {
        self.0.get_mut(slot)?.as_deref_mut()
    }

    /// Keeps an answer. Tells if there are as many now as may wait.
    pub(super) fn push(&mut self, slot: usize, completion: Completion) -> bool {
        let answers = self.get_mut(slot).expect("it is in flight");
        answers.unread.push_back(completion);
        answers.count_taken(completion, 1);
        answers.unread.len() >= answers.many.most
    }

    pub(super) fn is_empty(&self, slot: usize) -> bool {
        self.get(slot).is_none_or(|answers| answers.unread.is_empty())
    }

    /// Takes the oldest answer.
    pub(super) fn pop(&mut self, slot: usize) -> Option<Completion> {
        let answers = self.get_mut(slot)?;
        let completion = answers.unread.pop_front()?;
        answers.count_taken(completion, -1);
        Some(completion)
    }

    /// The operation is gone, with all that was kept for it.
    pub(super) fn end(&mut self, slot: usize) {
        self.0[slot] = None;
    }

    /// Gives back the room behind the last slot that is taken.
    pub(super) fn trim(&mut self, end: usize) {
        self.0.truncate(end);
        self.0.shrink_to(end);
    }
}
