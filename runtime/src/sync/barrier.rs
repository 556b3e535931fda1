//! `Barrier`: tasks that wait for each other.

use super::permits::Permits;
use crate::scope::drop_point;
use crate::wake::budget;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Holds tasks up until so many of them have come; then all go on, and it holds up the next.
///
/// # Cancellation
///
/// [`wait`](Self::wait) is a drop point: in a cancelled scope its first poll does not count, and
/// does not return. A task that is cancelled while it waits, unless behind a shield, is not counted
/// any more, and not let go. One that is cancelled after the last has come was counted: the others
/// go on.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::Barrier;
/// nestling_runtime::block_on(async {
///     let alone = Barrier::new(1);
///     assert!(alone.wait().await.is_leader());
/// });
/// ```
///
/// A barrier stays on its core:
///
/// ```compile_fail,E0277
/// fn on_any_core<T: Send>(_: T) {}
/// on_any_core(nestling_runtime::sync::Barrier::new(1));
/// ```
#[derive(Debug)]
pub struct Barrier {
    /// Has no permits: tasks stand in its line until the last one lets them go.
    gate: Permits,
    count: usize,
}

impl Barrier {
    /// A barrier for `count` tasks. With 0, as with 1, no task waits.
    pub const fn new(count: usize) -> Self {
        Self { gate: Permits::new(0), count }
    }

    /// Waits until all the tasks have come. A task counts from the first poll of its future on.
    pub async fn wait(&self) -> BarrierWaitResult {
        drop_point().await;
        if self.gate.has_waiting(self.count.saturating_sub(1)) {
            self.gate.let_all_go();
            budget::consume().await;
            return BarrierWaitResult { leader: true };
        }
        let mut turn = pin!(self.gate.take(1));
        let mut leader = false;
        let passed = poll_fn(|cx| match turn.as_mut().poll(cx) {
            // A future that was cancelled, and is awaited where that does not count, may be the
            // last.
            Poll::Pending if self.gate.has_waiting(self.count) => {
                leader = true;
                self.gate.let_all_go();
                turn.as_mut().poll(cx)
            }
            polled => polled,
        });
        passed.await.forget();
        BarrierWaitResult { leader }
    }
}

/// Tells the last task that came to a [`Barrier`] from the others.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::{Barrier, BarrierWaitResult};
/// let result: BarrierWaitResult = nestling_runtime::block_on(Barrier::new(1).wait());
/// assert!(result.is_leader());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BarrierWaitResult {
    leader: bool,
}

impl BarrierWaitResult {
    /// Whether it was the one that let the others go on.
    pub fn is_leader(&self) -> bool {
        self.leader
    }
}
