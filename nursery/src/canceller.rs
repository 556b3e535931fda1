//! `Canceller` and `RemoteCanceller`: cancel a nursery from anywhere.

use nestling_runtime::lowlevel::{CancelHandle, Reason, RemoteCancelHandle};

/// Cancels a nursery, as [`Nursery::cancel`](crate::Nursery::cancel) does. Bound to no lifetime:
/// once the nursery has closed, it does nothing. Bound to its thread:
///
/// ```compile_fail,E0277
/// # fn f(stop: nestling_nursery::Canceller) {
/// std::thread::spawn(move || stop.cancel());
/// # }
/// ```
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Canceller, nursery};
/// use std::future::pending;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     nursery(async |n| {
///         let stop: Canceller = n.canceller();
///         n.spawn(async { pending::<std::io::Result<()>>().await });
///         stop.cancel();
///         Ok(())
///     })
///     .await
/// })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Canceller(CancelHandle);

impl Canceller {
    pub(crate) fn new(handle: CancelHandle) -> Self {
        Self(handle)
    }

    /// Cancels the nursery, if it is still open. Repeating it is harmless.
    pub fn cancel(&self) {
        self.0.cancel(Reason::Asked);
    }

    /// The same for any thread.
    pub fn remote(&self) -> RemoteCanceller {
        RemoteCanceller(RemoteCancelHandle::new(&self.0))
    }

    /// Whether the nursery is cancelled or closed.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Cancels a nursery from any thread, and wakes its core for that. Harmless when it is too late:
/// the nursery has closed, its core has ended.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{RemoteCanceller, nursery};
/// use std::future::pending;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     nursery(async |n| {
///         let stop: RemoteCanceller = n.canceller().remote();
///         std::thread::spawn(move || stop.cancel());
///         n.spawn(async { pending::<std::io::Result<()>>().await });
///         Ok(())
///     })
///     .await
/// })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RemoteCanceller(RemoteCancelHandle);

impl RemoteCanceller {
    /// Cancels the nursery, if it is still open. Repeating it is harmless.
    pub fn cancel(&self) {
        self.0.cancel();
    }
}
