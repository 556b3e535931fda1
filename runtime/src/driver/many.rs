//! What the table does for operations that the kernel answers many times: each answer is kept for
//! the future, or disposed of when that is gone, until the last, which is like any other.
//!
//! ```text
//!        1 more, 2 poll, 2 take_unread
//!              ┌──┐            1 more: too many are unread
//!              │  ▼           ───────────────────────────────▶ asked to end
//!   InFlight::insert ─▶ in flight                                  │
//!                         │ 3 complete: the last                   │ 3 complete
//!                         ▼                                        ▼
//!                       completed, and some unread ◀───────────────┘
//!                         │ 2 poll: of the unread, one by one, then of the last
//!                         ▼
//!                       (gone)
//! ```

use super::in_flight::InFlight;
use super::lifecycle::{Landing, Orphan};
use super::outcome::{Arrival, Disposal, Many};
use crate::key::Key;
use crate::ring::Completion;

impl InFlight {
    /// An operation may be answered many times.
    pub(super) fn expect_many(&mut self, key: Key, many: Many) {
        self.get(key).expect("it was just inserted").is_many = true;
        self.unread.expect(key.slot(), many);
    }

    /// The result of an operation may be followed by a notification.
    pub(super) fn expect_notice(&mut self, key: Key) {
        self.get(key).expect("it was just inserted").is_noticed = true;
    }

    /// Whether an operation is in flight whose result may be followed by a notification.
    pub(super) fn expects_notice(&self, key: Key) -> bool {
        self.is_pending(key) && self.peek(key).is_some_and(|entry| entry.is_noticed)
    }

    /// The kernel has answered an operation, and will again. Tells whether the driver has to ask
    /// the kernel to end the operation, because too many answers wait.
    pub(super) fn more(&mut self, key: Key, completion: Completion) -> (Arrival, bool) {
        let Some(entry) = self.get(key) else { return (Arrival::Stale, false) };
        if !entry.is_many {
            return (Arrival::Nothing, false);
        }
        let scope = entry.scope();
        match entry.lifecycle.more() {
            Landing::Wake(waiter) => {
                let is_full = self.unread.push(key.slot(), completion);
                let asks = is_full && self.info(key.slot()).ask(scope);
                (Arrival::WakeOnly(waiter), asks)
            }
            Landing::DisposeOne(orphan) => {
                let info = *self.info(key.slot());
                let drained = None;
                let one = Disposal { key, orphan, completion, info, scope, drained };
                (Arrival::DisposeOne(Box::new(one)), false)
            }
            Landing::Dispose(_) | Landing::Stale => (Arrival::Stale, false),
        }
    }

    /// An answer was disposed of that was not the last.
    pub(super) fn put_back(&mut self, key: Key, orphan: Box<dyn Orphan>) {
        let entry = self.get(key).expect("its last answer was not dispatched");
        entry.lifecycle.put_back(orphan);
    }

    /// Takes the oldest answer that waits for its future, but not the last answer of the operation.
    pub(super) fn take_unread(&mut self, key: Key) -> Option<Completion> {
        self.unread.pop(key.slot())
    }

    /// Whether an answer waits for its future.
    pub(super) fn is_answered(&self, key: Key) -> bool {
        let entry = self.peek(key);
        let has_more = !self.unread.is_empty(key.slot());
        entry.is_some_and(|entry| has_more || entry.lifecycle.phase().is_none())
    }
}
