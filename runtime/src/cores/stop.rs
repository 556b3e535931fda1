//! `Stop`: the flag by which the first core that fails cancels the others.

use crate::sys::shared::{AtomicBool, Mutex};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::task::Waker;

/// A flag that wakes the watching tasks when it is set.
#[derive(Debug, Default)]
pub(super) struct Stop {
    stopped: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Stop {
    /// All cores shall stop.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let waiting =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Has `waker` be woken by `stop`. The caller has to ask `is_stopped` afterwards: the call of
    /// `stop` may have come before.
    pub(super) fn watch(&self, waker: Waker) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(waker);
    }
}
