//! What threads share, for the model checker: its own atomics, and a queue on top of them.

use loom::sync::atomic;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

pub(crate) use loom::sync::atomic::fence;
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};

pub(crate) type AtomicBool = Atomic<atomic::AtomicBool>;
pub(crate) type AtomicU8 = Atomic<atomic::AtomicU8>;
pub(crate) type AtomicUsize = Atomic<atomic::AtomicUsize>;

/// An atomic whose end is not checked: the checker does not see the count of std's `Arc`, after
/// which alone that may come.
#[derive(Debug, Default)]
pub(crate) struct Atomic<T>(ManuallyDrop<T>);

impl Atomic<atomic::AtomicBool> {
    pub(crate) fn new(value: bool) -> Self {
        Self(ManuallyDrop::new(atomic::AtomicBool::new(value)))
    }
}

impl Atomic<atomic::AtomicU8> {
    pub(crate) fn new(value: u8) -> Self {
        Self(ManuallyDrop::new(atomic::AtomicU8::new(value)))
    }
}

impl Atomic<atomic::AtomicUsize> {
    pub(crate) fn new(value: usize) -> Self {
        Self(ManuallyDrop::new(atomic::AtomicUsize::new(value)))
    }
}

impl<T> Deref for Atomic<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A queue that many fill and one empties. A look at its length orders nothing and may be stale,
/// which is all that the real one promises; what is taken out was put in before.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: Mutex<Vec<T>>,
    length: AtomicUsize,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self { items: Mutex::new(Vec::new()), length: AtomicUsize::new(0) }
    }

    pub(crate) fn push(&self, item: T) {
        lock(&self.items).push(item);
        self.length.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn pop(&self) -> Option<T> {
        if self.is_empty() {
            return None;
        }
        let mut items = lock(&self.items);
        let first = (!items.is_empty()).then(|| items.remove(0))?;
        self.length.fetch_sub(1, Ordering::Relaxed);
        Some(first)
    }

    pub(crate) fn len(&self) -> usize {
        self.length.load(Ordering::Acquire)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
