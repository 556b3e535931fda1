//! `Gate`: where a task waits for a number that others count up.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

/// A number, and the waker of the one task that waits for it: cloned once and kept, as most foreign
/// futures do.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    number: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl Gate {
    /// Waits until the number is at least this.
    pub(crate) async fn reached(&self, number: u64) {
        poll_fn(|cx| {
            let is_reached = || self.number.load(Ordering::Relaxed) >= number;
            if is_reached() {
                return Poll::Ready(());
            }
            self.lock().get_or_insert_with(|| cx.waker().clone());
            if is_reached() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Sets the number, and wakes the task that waits.
    pub(crate) fn set(&self, number: u64) {
        self.number.store(number, Ordering::Relaxed);
        if let Some(waker) = &*self.lock() {
            waker.wake_by_ref();
        }
    }

    /// The waker of the task that waits, if one did.
    pub(crate) fn waker(&self) -> Option<Waker> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
