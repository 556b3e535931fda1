//! What a final completion does to the table.
//!
//! ```text
//!   answer: a task of this thread waits, in a scope that goes on ──▶ the task is ready
//!     └─ else ──▶ complete: every case ──▶ Wake, Dispose, Stale
//! ```

use super::in_flight::{InFlight, find};
use super::lifecycle::{Landing, Phase};
use super::outcome::{Arrival, Disposal};
use crate::key::Key;
use crate::ring::Completion;
use crate::scope::{self, EndedOp};
use crate::tree::NONE;
use crate::wake::Waiter;

impl InFlight {
    /// The kernel has answered an operation for the last time. The common case, with one look at
    /// the entry and one at the tree: makes the task ready that waits. The caller has to wake what
    /// comes back, outside a borrow: the waiter that polls the task's nursery in a foreign
    /// combinator. `None`: this is not the common case, and nothing was done.
    #[inline(always)]
    pub(super) fn answer(&mut self, key: Key, completion: Completion) -> Option<Waiter> {
        let entry = find(&mut self.entries, key)?;
        let task = entry.lifecycle.waiting_task()?;
        if entry.is_many || !entry.is_held {
            return None;
        }
        let (previous, next) = (entry.previous, entry.next);
        let owner = scope::answer_op(entry.scope()?, (previous == NONE).then_some(next), task)?;
        entry.lifecycle.answer(completion);
        (entry.is_held, entry.previous, entry.next) = (false, NONE, NONE);
        self.join(previous, next);
        self.pending -= 1;
        self.submitted -= 1;
        Some(owner)
    }

    /// The kernel has answered an operation for the last time. Every case.
    #[cold]
    #[inline(never)]
    pub(super) fn complete(&mut self, key: Key, completion: Completion) -> Arrival {
        let Some(entry) = self.get(key) else { return Arrival::Stale };
        let (scope, is_many) = (entry.scope(), entry.is_many);
        let was_submitted = entry.lifecycle.phase() == Some(Phase::Submitted);
        let landing = entry.lifecycle.complete(completion);
        if let Landing::Stale = landing {
            return Arrival::Stale;
        }
        self.pending -= 1;
        self.submitted -= usize::from(was_submitted);
        // From here on the entry keeps no task, though its future was not polled yet: a future that
        // no task polls (it lost a `select`, or was forgotten) must not keep one for ever.
        let EndedOp { held, drained } = self.unlink(key.slot() as u32);
        // The waiter was woken before, if its future has not taken an earlier answer yet.
        let was_woken = is_many && !self.unread.is_empty(key.slot());
        if was_woken || matches!(landing, Landing::Wake(Waiter::Foreign(_))) {
            held.into_iter().for_each(scope::spare);
        }
        match landing {
            Landing::Wake(waiter) => Arrival::Wake { waiter, held, drained },
            Landing::Dispose(orphan) => {
                let info = *self.info(key.slot());
                self.remove(key.slot());
                Arrival::Dispose(Box::new(Disposal {
                    key,
                    orphan,
                    completion,
                    info,
                    scope,
                    drained,
                }))
            }
            Landing::DisposeOne(_) | Landing::Stale => unreachable!("it is the last"),
        }
    }
}
