//! `Semaphore`: lets so many tasks in at a time.

use super::permits::{Held, Permits};
use std::future::Future;
use std::rc::Rc;

/// A number of permits for the tasks of one core. A task that finds none waits, and the task that
/// waits longest gets the next.
///
/// # Fairness
///
/// Permits are handed over in the order in which they were asked for. No task overtakes: a waiter
/// that wants many holds up those behind it until there are enough, and [`try_acquire`] fails while
/// a task waits. A waiter that wants more than there will ever be holds them up for ever, and so
/// may a future that was polled and is then neither polled again nor dropped.
///
/// # Cancellation
///
/// An acquire is a drop point: in a cancelled scope its first poll takes nothing and does not
/// return. A task that waited already still gets the permit that it was handed before the cancel;
/// after that it is passed over and holds up no other, unless it waits behind a shield. A future
/// that was passed over and is then awaited outside of what was cancelled, such as after a timeout,
/// comes before those that came later. Dropping the future leaves the line; a permit that it was
/// handed goes to the next.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::Semaphore;
/// nestling_runtime::block_on(async {
///     let lines = Semaphore::new(2);
///     let one = lines.acquire().await;
///     let two = lines.acquire().await;
///     assert!(lines.try_acquire().is_none());
///     drop(one);
///     assert_eq!(lines.available(), 1);
///     # drop(two);
/// });
/// ```
///
/// A semaphore stays on its core:
///
/// ```compile_fail,E0277
/// fn on_any_core<T: Send>(_: T) {}
/// on_any_core(nestling_runtime::sync::Semaphore::new(1));
/// ```
///
/// [`try_acquire`]: Self::try_acquire
#[derive(Debug)]
pub struct Semaphore(Permits);

impl Semaphore {
    /// So many permits. Sums saturate, so that `usize::MAX` is no limit at all.
    pub const fn new(permits: usize) -> Self {
        Self(Permits::new(permits))
    }

    /// Waits for a permit. The task joins the line with the first poll of the future.
    pub async fn acquire(&self) -> Permit<'_> {
        self.acquire_many(1).await
    }

    /// Waits for so many permits, and gets them together.
    pub async fn acquire_many(&self, count: usize) -> Permit<'_> {
        Permit(self.0.take(count).await)
    }

    /// A permit, if one is free and no task waits.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.try_acquire_many(1)
    }

    /// So many permits, if they are free and no task waits.
    pub fn try_acquire_many(&self, count: usize) -> Option<Permit<'_>> {
        self.0.try_take(count).map(Permit)
    }

    /// As [`acquire`](Self::acquire), for a permit that keeps the semaphore alive.
    pub fn acquire_owned(self: &Rc<Self>) -> impl Future<Output = OwnedPermit> + use<> {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_many`](Self::acquire_many), for permits that keep the semaphore alive.
    pub fn acquire_many_owned(
        self: &Rc<Self>,
        count: usize,
    ) -> impl Future<Output = OwnedPermit> + use<> {
        let semaphore = Rc::clone(self);
        async move {
            semaphore.0.take(count).await.forget();
            OwnedPermit { semaphore, count }
        }
    }

    /// As [`try_acquire`](Self::try_acquire), for a permit that keeps the semaphore alive.
    pub fn try_acquire_owned(self: &Rc<Self>) -> Option<OwnedPermit> {
        self.0.try_take(1)?.forget();
        Some(OwnedPermit { semaphore: Rc::clone(self), count: 1 })
    }

    /// Makes it so many permits more.
    pub fn add_permits(&self, count: usize) {
        self.0.give(count);
    }

    /// Permits that no task holds. The tasks that wait may want more than these.
    pub fn available(&self) -> usize {
        self.0.free()
    }
}

/// One permit, or several that were acquired together. They come back when this is dropped.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::{Permit, Semaphore};
/// nestling_runtime::block_on(async {
///     let semaphore = Semaphore::new(3);
///     let permit: Permit<'_> = semaphore.acquire_many(2).await;
///     assert_eq!(permit.count(), 2);
///     permit.forget();
///     assert_eq!(semaphore.available(), 1);
/// });
/// ```
#[derive(Debug)]
#[must_use = "the permit comes back when this is dropped"]
pub struct Permit<'a>(Held<'a>);

impl Permit<'_> {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Takes them out of the semaphore for good: they do not come back.
    pub fn forget(self) {
        self.0.forget();
    }
}

/// As [`Permit`], and keeps the semaphore alive.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::{OwnedPermit, Semaphore};
/// use std::rc::Rc;
/// nestling_runtime::block_on(async {
///     let semaphore = Rc::new(Semaphore::new(1));
///     let permit: OwnedPermit = semaphore.acquire_owned().await;
///     assert_eq!((permit.count(), semaphore.available()), (1, 0));
/// });
/// ```
#[derive(Debug)]
#[must_use = "the permit comes back when this is dropped"]
pub struct OwnedPermit {
    semaphore: Rc<Semaphore>,
    count: usize,
}

impl OwnedPermit {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes them out of the semaphore for good: they do not come back.
    pub fn forget(mut self) {
        self.count = 0;
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.0.give(self.count);
        }
    }
}
