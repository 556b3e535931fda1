//! `Notify`: tells tasks that something has changed.

use super::permits::Permits;
use crate::scope::is_here_cancelled;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Wakes one task, or all that wait. It carries no value: a woken task looks for itself.
///
/// A notification that finds no task waiting is kept for the next that comes; a second one adds
/// nothing to it. Between a look at a condition and the first poll of [`notified`] no other task of
/// the core runs unless there is an await between the two, so the loop of the example misses
/// nothing.
///
/// # Fairness
///
/// [`notify_one`] wakes the task that waits longest.
///
/// # Cancellation
///
/// [`notified`] is a drop point: in a cancelled scope its first poll takes nothing and does not
/// return. A wait that is cancelled is passed over by both calls, unless it is behind a shield;
/// awaited again outside of what was cancelled, it has not missed a [`notify_all`]. A future that
/// is dropped after [`notify_one`] chose it passes the notification on to the next task, waiting or
/// yet to come; a [`notify_all`] has woken the others as well.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::Notify;
/// use std::cell::RefCell;
/// nestling_runtime::block_on(async {
///     let (jobs, changed) = (RefCell::new(Vec::new()), Notify::new());
///     jobs.borrow_mut().push("sweep");
///     changed.notify_one();
///     let job = loop {
///         let job = jobs.borrow_mut().pop();
///         if let Some(job) = job {
///             break job;
///         }
///         changed.notified().await;
///     };
///     assert_eq!(job, "sweep");
/// });
/// ```
///
/// A `Notify` stays on its core:
///
/// ```compile_fail,E0277
/// fn on_any_core<T: Send>(_: T) {}
/// on_any_core(nestling_runtime::sync::Notify::new());
/// ```
///
/// [`notified`]: Self::notified
/// [`notify_one`]: Self::notify_one
/// [`notify_all`]: Self::notify_all
#[derive(Debug)]
pub struct Notify {
    permits: Permits,
    /// How often all were told.
    told: Cell<u64>,
}

impl Notify {
    /// Nothing has been told.
    pub const fn new() -> Self {
        Self { permits: Permits::at_most(0, 1), told: Cell::new(0) }
    }

    /// Waits for a notification. The task joins the line with the first poll of the future.
    pub async fn notified(&self) {
        let told = self.told.get();
        let mut turn = pin!(self.permits.take(1));
        poll_fn(|cx| match turn.as_mut().poll(cx) {
            Poll::Ready(turn) => {
                turn.forget();
                Poll::Ready(())
            }
            // All were told while it was cancelled, and it is awaited where that does not count.
            Poll::Pending if self.told.get() != told && !is_here_cancelled() => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        })
        .await;
    }

    /// Wakes the task that waits longest. If none waits, the next that comes need not wait.
    pub fn notify_one(&self) {
        self.permits.give(1);
    }

    /// Wakes all tasks that wait now. Tasks that come later are told nothing of it.
    pub fn notify_all(&self) {
        self.told.set(self.told.get().wrapping_add(1));
        self.permits.let_all_go();
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}
