//! `Stop`: by which the first core that fails cancels the others.

use crate::sys::shared::{AtomicBool, Mutex};
use std::sync::atomic::Ordering;
use std::task::Waker;

/// A flag that wakes whoever has to see it.
#[derive(Debug, Default)]
pub(super) struct Stop {
    stopped: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Stop {
    /// All cores shall stop.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        let waiting = match self.waiting.lock() {
            Ok(mut waiting) => std::mem::take(&mut *waiting),
            Err(_) => return,
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Has `waker` be woken by `stop`. Ask `is_stopped` afterwards: it may have come before.
    pub(super) fn watch(&self, waker: Waker) {
        if let Ok(mut waiting) = self.waiting.lock() {
            waiting.push(waker);
        }
    }
}
