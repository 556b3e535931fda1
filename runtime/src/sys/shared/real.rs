//! What threads share, for use.

use crossbeam_channel::{Receiver, Sender};

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, fence};
pub(crate) use std::sync::{Mutex, MutexGuard};

/// A queue that many fill and one empties, without a limit of its own.
#[derive(Debug)]
pub(crate) struct Queue<T>(Sender<T>, Receiver<T>);

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = crossbeam_channel::unbounded();
        Self(sender, receiver)
    }

    pub(crate) fn push(&self, item: T) {
        // The receiver lives beside it, so the channel cannot be disconnected.
        let _ = self.0.send(item);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.1.try_recv().ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.1.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.1.is_empty()
    }
}
