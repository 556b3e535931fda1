//! `Mutex`: one task at a time, also across its awaits.

use super::permits::{Held, Permits};
use std::cell::{RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A value that one task of the core has for itself, for as long as it keeps the guard.
///
/// What is not kept across an await needs no mutex: a `Cell` or a `RefCell` will do, for all tasks
/// of a core run on one thread.
///
/// # Fairness
///
/// The lock is handed to the task that waits longest, and [`try_lock`](Self::try_lock) fails while
/// a task waits. A task that locks a mutex which it has locked already waits for itself.
///
/// # Cancellation
///
/// As for a [`Semaphore`](super::Semaphore): a lock is a drop point, and one that was handed to a
/// future that is dropped goes to the next.
///
/// # Panics in other tasks
///
/// A panic while the guard is held unlocks the mutex and poisons nothing: the nursery that catches
/// it cancels the siblings anyway. A value that must not be seen half-changed is changed between
/// two awaits, or put right by a destructor.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{sync::Mutex, yield_now};
/// nestling_runtime::block_on(async {
///     let balance = Mutex::new(100);
///     let mut guard = balance.lock().await;
///     let seen = *guard;
///     yield_now().await; // no other task changes it meanwhile
///     *guard = seen - 30;
///     drop(guard);
///     assert_eq!(balance.into_inner(), 70);
/// });
/// ```
///
/// A mutex stays on its core:
///
/// ```compile_fail,E0277
/// fn on_any_core<T: Send>(_: T) {}
/// on_any_core(nestling_runtime::sync::Mutex::new(1));
/// ```
pub struct Mutex<T: ?Sized> {
    permits: Permits,
    value: RefCell<T>,
}

impl<T> Mutex<T> {
    /// An unlocked value.
    pub const fn new(value: T) -> Self {
        Self { permits: Permits::new(1), value: RefCell::new(value) }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the value is free. The task joins the line with the first poll of the future.
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        self.guard(self.permits.take(1).await)
    }

    /// The value, if it is free and no task waits for it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.permits.try_take(1).map(|held| self.guard(held))
    }

    /// The value, without a lock: `&mut self` is the only way to the mutex.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn guard<'a>(&'a self, held: Held<'a>) -> MutexGuard<'a, T> {
        // Not borrowed: only the guard that holds the permit borrows the value.
        MutexGuard { value: self.value.borrow_mut(), _held: held }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_lock() {
            Some(guard) => f.debug_tuple("Mutex").field(&&*guard).finish(),
            None => f.write_str("Mutex(<locked>)"),
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// The value of a locked [`Mutex`]. Dropping it unlocks.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::{Mutex, MutexGuard};
/// let mutex = Mutex::new(String::from("a"));
/// let mut guard: MutexGuard<'_, String> = mutex.try_lock().expect("no task has locked it");
/// guard.push('b');
/// assert_eq!(*guard, "ab");
/// ```
#[must_use = "the mutex is unlocked when this is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    // In this order: the next in line finds the value free.
    value: RefMut<'a, T>,
    _held: Held<'a>,
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MutexGuard").field(&&**self).finish()
    }
}
