//! `Canceller` and `RemoteCanceller`: cancel a nursery from anywhere.

use nestling_runtime::lowlevel::{CancelHandle, Reason, RemoteCancelHandle};
use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
        let shared = Shared { of: Some(remote), ..Shared::default() };
        Self { here, remote: RemoteCanceller(Arc::new(shared)) }
    }

    /// Cancels the nursery, if it is still open, at once: also outside the runtime in which the
    /// nursery was opened, and inside another runtime of this thread. Repeating it is harmless.
    pub fn cancel(&self) {
        self.here.cancel(Reason::Asked);
        self.remote.cancel_takers();
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
#[derive(Debug, Clone, Default)]
pub struct RemoteCanceller(Arc<Shared>);

/// What the clones of a canceller share.
#[derive(Debug, Default)]
struct Shared {
    /// The nursery that has given the canceller out.
    of: Option<RemoteCancelHandle>,
    takers: Mutex<Takers>,
}

/// The nurseries that have taken a canceller.
#[derive(Debug, Default)]
struct Takers {
    cancelled: bool,
    open: BTreeMap<u64, RemoteCancelHandle>,
    /// How many there have been.
    count: u64,
}

impl RemoteCanceller {
    /// A canceller for nurseries that are not open yet. Each takes it when it begins, by
    /// [`cancel_with`](crate::Nursery::cancel_with).
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_nursery::{RemoteCanceller, io::nursery};
    /// use std::future::pending;
    ///
    /// let stop = RemoteCanceller::new();
    /// let server = nursery(async |n| {
    ///     n.cancel_with(&stop);
    ///     n.spawn(pending::<()>());
    ///     Ok("stopped")
    /// });
    /// let stop = stop.clone();
    /// std::thread::spawn(move || stop.cancel()); // before it begins, or later
    /// assert_eq!(nestling_runtime::block_on(server).unwrap(), "stopped");
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels the nursery that has given the canceller out, if it is still open, and all that take
    /// it by [`cancel_with`](crate::Nursery::cancel_with), also those that do so later. Repeating
    /// it is harmless.
    pub fn cancel(&self) {
        self.0.of.iter().for_each(RemoteCancelHandle::cancel);
        self.cancel_takers();
    }

    fn cancel_takers(&self) {
        let mut takers = self.0.lock();
        takers.cancelled = true;
        let open = mem::take(&mut takers.open);
        // A cancel wakes foreign wakers, which may come back here.
        drop(takers);
        open.values().for_each(RemoteCancelHandle::cancel);
    }

    /// A nursery takes this canceller. `None` if it is to be cancelled at once.
    pub(crate) fn enlist(&self, nursery: RemoteCancelHandle) -> Option<Enlisted> {
        let mut takers = self.0.lock();
        if takers.cancelled {
            return None;
        }
        takers.count += 1;
        let number = takers.count;
        takers.open.insert(number, nursery);
        Some(Enlisted { canceller: Arc::clone(&self.0), number })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Takers> {
        self.takers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of an open nursery in the list of a canceller.
#[derive(Debug)]
pub(crate) struct Enlisted {
    canceller: Arc<Shared>,
    number: u64,
}

impl Drop for Enlisted {
    fn drop(&mut self) {
        let nursery = self.canceller.lock().open.remove(&self.number);
        // With the list unlocked: this may be the last owner of what is left of a core.
        drop(nursery);
    }
}
