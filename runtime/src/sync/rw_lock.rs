//! `RwLock`: many tasks that read, or one that writes.

use super::permits::{Held, Permits};
use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// All permits together: what a writer holds. A reader holds one.
const ALL: usize = usize::MAX;

/// A value that tasks of the core read together, or one of them writes, also across their awaits.
///
/// # Fairness
///
/// Readers and writers stand in one line, so neither starve: a writer waits for the tasks that read
/// already, and readers that come later wait for the writer. So a task that reads must not ask to
/// read again: if a writer has come between, both wait for ever.
///
/// # Cancellation
///
/// As for a [`Semaphore`](super::Semaphore): both are drop points, and what was handed to a future
/// that is dropped goes to the next. A writer that is cut lets the readers behind it in.
///
/// A panic in a task that holds a guard poisons nothing, as with a [`Mutex`](super::Mutex).
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::RwLock;
/// nestling_runtime::block_on(async {
///     let routes = RwLock::new(vec!["a"]);
///     let one = routes.read().await;
///     let two = routes.read().await;
///     assert_eq!((one.len(), two.len()), (1, 1));
///     assert!(routes.try_write().is_none());
///     drop((one, two));
///     routes.write().await.push("b");
///     assert_eq!(*routes.read().await, ["a", "b"]);
/// });
/// ```
///
/// An `RwLock` stays on its core:
///
/// ```compile_fail,E0277
/// fn on_any_core<T: Send>(_: T) {}
/// on_any_core(nestling_runtime::sync::RwLock::new(1));
/// ```
pub struct RwLock<T: ?Sized> {
    permits: Permits,
    value: RefCell<T>,
}

impl<T> RwLock<T> {
    /// An unlocked value.
    pub const fn new(value: T) -> Self {
        Self { permits: Permits::new(ALL), value: RefCell::new(value) }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until no task writes, nor waits to write before this one. The task joins the line with
    /// the first poll of the future.
    pub async fn read(&self) -> ReadGuard<'_, T> {
        self.read_guard(self.permits.take(1).await)
    }

    /// Waits until no other task has the value. The task joins the line with the first poll of the
    /// future.
    pub async fn write(&self) -> WriteGuard<'_, T> {
        self.write_guard(self.permits.take(ALL).await)
    }

    /// The value to be read, if no task writes or waits.
    pub fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        self.permits.try_take(1).map(|held| self.read_guard(held))
    }

    /// The value to be written, if no task has it or waits for it.
    pub fn try_write(&self) -> Option<WriteGuard<'_, T>> {
        self.permits.try_take(ALL).map(|held| self.write_guard(held))
    }

    /// The value, without a lock: `&mut self` is the only way to it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    // Neither meets a borrow that is in its way: a guard borrows only while it holds its permits.

    fn read_guard<'a>(&'a self, held: Held<'a>) -> ReadGuard<'a, T> {
        ReadGuard { value: self.value.borrow(), _held: held }
    }

    fn write_guard<'a>(&'a self, held: Held<'a>) -> WriteGuard<'a, T> {
        WriteGuard { value: self.value.borrow_mut(), _held: held }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_read() {
            Some(guard) => f.debug_tuple("RwLock").field(&&*guard).finish(),
            None => f.write_str("RwLock(<locked>)"),
        }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// The value of an [`RwLock`], to be read.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::{ReadGuard, RwLock};
/// let lock = RwLock::new(7);
/// let guard: ReadGuard<'_, i32> = lock.try_read().expect("no task writes");
/// assert_eq!(*guard, 7);
/// ```
#[must_use = "the lock is released when this is dropped"]
pub struct ReadGuard<'a, T: ?Sized> {
    // In this order: the next in line finds the value free.
    value: Ref<'a, T>,
    _held: Held<'a>,
}

/// The value of an [`RwLock`], to be written.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::{RwLock, WriteGuard};
/// let mut lock = RwLock::new(7);
/// let mut guard: WriteGuard<'_, i32> = lock.try_write().expect("no task has it");
/// *guard += 1;
/// drop(guard);
/// assert_eq!(*lock.get_mut(), 8);
/// ```
#[must_use = "the lock is released when this is dropped"]
pub struct WriteGuard<'a, T: ?Sized> {
    // In this order: the next in line finds the value free.
    value: RefMut<'a, T>,
    _held: Held<'a>,
}

impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadGuard").field(&&**self).finish()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteGuard").field(&&**self).finish()
    }
}
