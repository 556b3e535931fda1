//! The ways to start a child besides `spawn`.

use crate::child_output::ChildOutput;
use crate::join_handle::JoinHandle;
use crate::nursery::Nursery;
use crate::start::{self, Start, Started};
use crate::supervised::{Supervised, caught};
use nestling_runtime::lowlevel::{CancelHandle, Label, OwnedPermit};
use std::future::Future;

impl<'scope, 'env, E> Nursery<'scope, 'env, E> {
    /// Starts a child with a name, which dumps and instruments show.
    #[track_caller]
    pub fn spawn_named<F>(
        &'scope self,
        name: &'static str,
        child: F,
    ) -> JoinHandle<'scope, <F::Output as ChildOutput<E>>::Ok>
    where
        F: Future<Output: ChildOutput<E>> + 'scope,
    {
        self.spawn_labelled(child, Label::here().named(Some(name)))
    }

    /// Starts a child if that is possible at once; else see [`spawn`](Self::spawn).
    ///
    /// # Errors
    ///
    /// The future comes back, unpolled, when the nursery is cancelled, or all [slots](Self::slot)
    /// that the nursery [has](crate::Options::slots) are taken. Otherwise the child takes one.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_nursery::{Options, io::nursery_with};
    ///
    /// let options = Options { slots: Some(1), ..Options::default() };
    /// let result = nestling_runtime::block_on(nursery_with(options, async |n| {
    ///     assert!(n.try_spawn(async {}).is_ok());
    ///     assert!(n.try_spawn(async {}).is_err()); // the first has the only slot
    ///     Ok(())
    /// }));
    /// assert!(result.is_ok());
    /// ```
    #[track_caller]
    pub fn try_spawn<F>(
        &'scope self,
        child: F,
    ) -> Result<JoinHandle<'scope, <F::Output as ChildOutput<E>>::Ok>, F>
    where
        F: Future<Output: ChildOutput<E>> + 'scope,
    {
        match self.frame().slots().try_acquire_owned() {
            Some(permit) if !self.is_cancelled() => Ok(Slot { nursery: self, permit }.spawn(child)),
            _ => Err(child),
        }
    }

    /// Starts a child that is not waited for: it is cancelled once the body and all other children
    /// have ended. Its failure, or its panic, is the nursery's all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_nursery::io::nursery;
    /// use nestling_runtime::time::sleep;
    /// use std::{cell::Cell, time::Duration};
    ///
    /// let ticks = Cell::new(0);
    /// let result = nestling_runtime::block_on(nursery(async |n| {
    ///     n.spawn_daemon(async {
    ///         loop {
    ///             ticks.set(ticks.get() + 1);
    ///             sleep(Duration::from_secs(3600)).await;
    ///         }
    ///     });
    ///     n.spawn(sleep(Duration::from_millis(1)));
    ///     Ok(())
    /// }));
    /// assert!(result.is_ok()); // the daemon held nothing up
    /// assert_eq!(ticks.get(), 1);
    /// ```
    #[track_caller]
    pub fn spawn_daemon<F>(&'scope self, child: F)
    where
        F: Future<Output: ChildOutput<E>> + 'scope,
    {
        let daemons = self.frame().daemons();
        let alive = daemons.count();
        let daemon = async move {
            let _alive = alive;
            child.await
        };
        daemons.add(self.spawn(daemon).cancel_handle());
    }

    /// Starts a child whose failure or panic is for its handle alone: the others live on. The child
    /// may have any output.
    ///
    /// # Examples
    ///
    /// See [`Supervised`].
    #[track_caller]
    pub fn supervise<F>(&'scope self, child: F) -> Supervised<'scope, F::Output>
    where
        F: Future + 'scope,
    {
        Supervised::new(self.add(caught(child), Label::here(), |frame, output| {
            frame.ledger().see();
            Some(output)
        }))
    }

    /// Starts a child, waits until it calls [`Started::ready`], and returns the value of that call.
    /// After that the child is like any other.
    ///
    /// # Cancellation
    ///
    /// The child is cancelled, and its end waited for.
    ///
    /// # Errors
    ///
    /// The child's error, if the child fails before it is ready: that does not cancel the nursery.
    /// [`Cancelled`](nestling_runtime::lowlevel::Cancelled) if the child was cancelled, or, with a
    /// text that says so, if it ended without being ready.
    ///
    /// # Examples
    ///
    /// See [`Started`].
    #[track_caller]
    pub fn start<V, G, O>(&'scope self, child: G) -> Start<'scope, V, E>
    where
        V: 'scope,
        G: AsyncFnOnce(Started<V>) -> O + 'scope,
        O: ChildOutput<E> + 'scope,
    {
        start::start(self, child, Label::here())
    }

    /// Waits until fewer children hold slots than the nursery [has](crate::Options::slots).
    /// Tasks get slots in the order in which they asked. Children of plain [`spawn`](Self::spawn)
    /// hold none.
    ///
    /// # Cancellation
    ///
    /// A drop point: cancelled while it waits, the task ends here, and its place in the queue is
    /// given up. From the cancel on the task is passed over.
    ///
    /// # Examples
    ///
    /// See [`Slot`].
    pub async fn slot(&'scope self) -> Slot<'scope, 'env, E> {
        Slot { nursery: self, permit: self.frame().slots().acquire_owned().await }
    }
}

/// Room for one child in a nursery that has [so many](crate::Options::slots). Dropping the slot
/// leaves the room to the next child.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Options, Slot, io::nursery_with};
/// use std::cell::Cell;
///
/// let (alive, most) = (Cell::new(0), Cell::new(0));
/// let options = Options { slots: Some(3), ..Options::default() };
/// let result = nestling_runtime::block_on(nursery_with(options, async |n| {
///     for _ in 0..20 {
///         let slot: Slot<'_, '_> = n.slot().await;
///         slot.spawn(async {
///             alive.set(alive.get() + 1);
///             most.set(most.get().max(alive.get()));
///             nestling_runtime::yield_now().await;
///             alive.set(alive.get() - 1);
///         });
///     }
///     Ok(())
/// }));
/// result.unwrap();
/// assert_eq!(most.get(), 3);
/// ```
#[derive(Debug)]
#[must_use = "dropping it leaves the room to the next"]
pub struct Slot<'scope, 'env: 'scope, E = std::io::Error> {
    nursery: &'scope Nursery<'scope, 'env, E>,
    permit: OwnedPermit,
}

impl<'scope, E> Slot<'scope, '_, E> {
    /// Starts a child, which holds the slot until it ends; see [`Nursery::spawn`].
    #[track_caller]
    pub fn spawn<F>(self, child: F) -> JoinHandle<'scope, <F::Output as ChildOutput<E>>::Ok>
    where
        F: Future<Output: ChildOutput<E>> + 'scope,
    {
        let permit = self.permit;
        self.nursery.spawn(async move {
            let _permit = permit;
            child.await
        })
    }

    /// Starts a supervised child, which holds the slot until it ends; see [`Nursery::supervise`].
    #[track_caller]
    pub fn supervise<F>(self, child: F) -> Supervised<'scope, F::Output>
    where
        F: Future + 'scope,
    {
        let permit = self.permit;
        self.nursery.supervise(async move {
            let _permit = permit;
            child.await
        })
    }
}

impl<T> JoinHandle<'_, T> {
    /// Cancels the child, and only that: its siblings live on. An error that the child makes of the
    /// cancellation does not fail the nursery.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_nursery::io::nursery;
    /// use std::future::pending;
    ///
    /// let result = nestling_runtime::block_on(nursery(async |n| {
    ///     let child = n.spawn(pending::<std::io::Result<()>>());
    ///     child.cancel();
    ///     assert!(child.await.is_err());
    ///     Ok("the nursery is not cancelled")
    /// }));
    /// assert!(result.is_ok());
    /// ```
    pub fn cancel(&self) {
        self.cancel_handle().cancel(nestling_runtime::lowlevel::Reason::Asked);
    }

    fn cancel_handle(&self) -> CancelHandle {
        CancelHandle::of(self.join())
    }
}
