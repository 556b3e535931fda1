//! `TaskLocal`: a value for a part of the program, and for all children that are started in it.

use crate::cancel::CancelScope;
use crate::scope;
use crate::yield_now::Surrounding;
use std::any::Any;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::pin;
use std::rc::Rc;

/// A value that code finds without being handed it, such as the number of a request in a log line.
/// Declare it as a `static`: its address is its name.
///
/// The value follows the structure of the program: all code inside [`scope`](Self::scope) finds it,
/// including the children of every nursery that is opened there. A child that is spawned
/// from there into a nursery further out finds what that nursery would. Children on other cores
/// find nothing.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{TaskLocal, block_on};
///
/// static REQUEST: TaskLocal<u64> = TaskLocal::new();
///
/// block_on(async {
///     assert_eq!(REQUEST.get(), None);
///     let answer = REQUEST.scope(7, async { REQUEST.get() }).await;
///     assert_eq!(answer, Some(7));
/// });
/// ```
pub struct TaskLocal<T: 'static> {
    /// Not empty, so that no two statics have one address.
    _address: u8,
    value: PhantomData<fn() -> T>,
}

/// A scope with a value. Ends when dropped.
struct Bound(CancelScope);

impl Drop for Bound {
    fn drop(&mut self) {
        drop(scope::unbind(self.0.id()));
    }
}

impl<T: 'static> TaskLocal<T> {
    /// A task-local without a value.
    pub const fn new() -> Self {
        Self { _address: 0, value: PhantomData }
    }

    fn key(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Runs `future` with a value, which hides a value from further out.
    ///
    /// # Cancellation
    ///
    /// With the panic of the future.
    pub async fn scope<F: Future>(&'static self, value: T, future: F) -> F::Output {
        let mut surrounding = Surrounding::default();
        let value: Rc<dyn Any> = Rc::new(value);
        let bound = Bound(CancelScope::of_node(scope::bind(self.key(), value)));
        let mut future = pin!(future);
        poll_fn(|cx| surrounding.poll(cx, |cx| bound.0.run(|| future.as_mut().poll(cx)))).await
    }

    /// Lends the value that holds here; `None` if there is none.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Option<R> {
        let value = scope::bound(self.key())?;
        value.downcast_ref().map(f)
    }

    /// A copy of the value that holds here; `None` if there is none.
    pub fn get(&'static self) -> Option<T>
    where
        T: Clone,
    {
        self.with(T::clone)
    }
}

impl<T: 'static> Default for TaskLocal<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocal").finish_non_exhaustive()
    }
}
