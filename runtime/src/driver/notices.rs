//! `Notices`: the buffers of zero-copy sends from the result to the notification.
//!
//! The result is the operation's end like any other: a nursery does not wait for the notification,
//! which comes when the peer has taken the bytes. The buffer is lent until then.
//!
//! ```text
//!   1 expect: the result ──▶ Due ── 3 arrive: the notification ──▶ Arrived ── 5 poll ──▶ (gone)
//!                             │                                       ▲ │
//!                    4 leave  │        2 arrive: before the result ───┘ └ 6 leave ──▶ (gone)
//!                             ▼
//!                            Left, with the buffer ── 7 arrive ──▶ (gone, the buffer as well)
//! ```

use super::outcome::Arrival;
use super::{Driver, Key};
use crate::ring::Completion;
use crate::wake::Waiter;
use std::any::Any;
use std::collections::BTreeMap;

/// By the key of the operation, whose slot may be another's by now.
#[derive(Debug, Default)]
pub(super) struct Notices(BTreeMap<u64, Notice>);

enum Notice {
    /// A future has the buffer; this waiter waits, if it does.
    Due(Waiter),
    /// The future is gone.
    Left(Box<dyn Any>),
    /// What the notification says of the use of the buffer.
    Arrived(i32),
}

impl Notices {
    /// The result has come, and tells that a notification follows.
    pub(super) fn expect(&mut self, key: Key) {
        // If the notification was first, it stays.
        self.0.entry(key.user_data()).or_insert(Notice::Due(Waiter::Nobody));
    }

    /// The kernel is done with a buffer. `is_early`: its result has not come.
    pub(super) fn arrive(&mut self, completion: Completion, is_early: bool) -> Arrival {
        let Completion { user_data, result, .. } = completion;
        match self.0.remove(&user_data) {
            Some(Notice::Due(waiter)) => {
                self.0.insert(user_data, Notice::Arrived(result));
                Arrival::WakeOnly(waiter)
            }
            Some(Notice::Left(lent)) => Arrival::Release(lent),
            None if is_early => {
                self.0.insert(user_data, Notice::Arrived(result));
                Arrival::Nothing
            }
            Some(Notice::Arrived(_)) | None => Arrival::Stale,
        }
    }
}

impl Driver {
    /// The result of an operation that was just begun may be followed by a notification.
    pub(crate) fn expect_notice(&mut self, key: Key) {
        self.in_flight.expect_notice(key);
    }

    /// What the notification of a zero-copy send says; without one, `waiter` waits for it from now
    /// on, in exchange for the waiter before.
    pub(crate) fn poll_notice(&mut self, key: Key, waiter: &mut Waiter) -> Option<i32> {
        let notice = self.notices.0.get_mut(&key.user_data());
        match notice.expect("it stays until it was taken") {
            Notice::Due(kept) => {
                std::mem::swap(kept, waiter);
                None
            }
            Notice::Arrived(result) => {
                let result = *result;
                self.notices.0.remove(&key.user_data());
                Some(result)
            }
            Notice::Left(_) => unreachable!("its future is gone"),
        }
    }

    /// The future that waits for a notification is gone. What it lent is kept until then; if that
    /// has come, it comes back. So does the waiter, to be dropped outside a borrow.
    #[must_use = "it is to be dropped outside a borrow"]
    pub(crate) fn leave_notice(
        &mut self,
        key: Key,
        lent: Box<dyn Any>,
    ) -> (Option<Box<dyn Any>>, Waiter) {
        match self.notices.0.remove(&key.user_data()) {
            Some(Notice::Due(waiter)) => {
                self.notices.0.insert(key.user_data(), Notice::Left(lent));
                (None, waiter)
            }
            Some(Notice::Arrived(_)) => (Some(lent), Waiter::Nobody),
            Some(Notice::Left(_)) | None => unreachable!("a future is dropped once"),
        }
    }

    /// Whether notifications are due.
    pub(crate) fn awaits_notices(&self) -> bool {
        self.notices.0.values().any(|notice| !matches!(notice, Notice::Arrived(_)))
    }

    /// Gives up on buffers that the kernel may still send from: they are leaked.
    pub(super) fn leak_notices(&mut self) {
        for notice in std::mem::take(&mut self.notices.0).into_values() {
            // One without a buffer has nothing that the kernel may read: a future has it.
            if let Notice::Left(lent) = notice {
                std::mem::forget(lent);
            }
        }
    }
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Due(_) => write!(f, "Due"),
            Self::Left(_) => write!(f, "Left"),
            Self::Arrived(result) => write!(f, "Arrived({result})"),
        }
    }
}
