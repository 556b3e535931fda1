//! `Canceller` and `RemoteCanceller`: cancel a nursery from anywhere.

use nestling_runtime::lowlevel::{CancelHandle, Reason, RemoteCancelHandle};

/// Cancels a nursery, as [`Nursery::cancel`](crate::Nursery::cancel) does. A canceller is bound to
/// no lifetime: once the nursery has closed, it does nothing. It is bound to its thread:
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
/// use nestling_nursery::{Canceller, io::nursery};
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
pub struct Canceller {
    here: CancelHandle,
    remote: RemoteCanceller,
}

impl Canceller {
    pub(crate) fn new(here: CancelHandle, remote: RemoteCancelHandle) -> Self {
        Self { here, remote: RemoteCanceller(remote) }
    }

    /// Cancels the nursery, if it is still open, at once: also outside the runtime in which the
    /// nursery was opened, and inside another runtime of this thread. Repeating it is harmless.
    pub fn cancel(&self) {
        self.here.cancel(Reason::Asked);
    }

    /// A canceller of the same nursery for any thread.
    pub fn remote(&self) -> RemoteCanceller {
        self.remote.clone()
    }

    /// Whether the nursery is cancelled or closed.
    pub fn is_cancelled(&self) -> bool {
        self.here.is_cancelled()
    }
}

/// Cancels a nursery from any thread, and wakes its core for that. Harmless when the nursery has
/// closed or its core has ended. If the nursery's future was kept when `block_on` returned, the
/// core hears of the cancel in its next `block_on`.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{RemoteCanceller, io::nursery};
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
