//! A nursery as an executor of the crate `hyper` (feature `hyper`).

use crate::nursery::Nursery;
use crate::spawner::Spawner;
use ::hyper::rt::Executor;
use std::future::Future;

/// What hyper starts, such as the streams of a connection of HTTP/2, are children of the nursery:
/// one nursery for each connection joins them, and cancels them with the connection. They may
/// borrow what lives around the nursery, and need not be `Send`. A child that panics is a panic of
/// its nursery.
///
/// # Examples
///
/// ```
/// use hyper::rt::Executor;
/// use nestling_nursery::io::nursery;
/// use std::cell::Cell;
///
/// let served = Cell::new(0); // borrowed by each child
/// let result = nestling_runtime::block_on(nursery(async |n| {
///     // As the builder of a server does: `http2::Builder::new(n)`.
///     (0..3).for_each(|_| n.execute(async { served.set(served.get() + 1) }));
///     Ok(())
/// }));
/// assert!(result.is_ok());
/// assert_eq!(served.get(), 3);
/// ```
impl<'scope, E, F> Executor<F> for &'scope Nursery<'scope, '_, E>
where
    F: Future<Output = ()> + 'scope,
{
    fn execute(&self, future: F) {
        self.spawn_named("hyper", future);
    }
}

/// For code, such as pools of connections, that asks for a `Send` executor which borrows nothing.
/// Once the nursery has closed, what is to be executed is dropped.
impl<E: 'static, F> Executor<F> for Spawner<E>
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        drop(self.send(async || future.await));
    }
}
