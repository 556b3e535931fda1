//! `Barrier`: tasks that wait for each other.

use super::permits::{Permits, drop_point};

/// Holds tasks up until so many of them have come; then all go on, and it holds up the next.
///
/// # Cancellation
///
/// [`wait`](Self::wait) is a drop point: in a cancelled scope its first poll does not count, and
/// does not return. A task that is cut while it waits is not counted any more. One that is cut
/// after the last has come was counted: the others go on.
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
/// It stays on its core:
///
/// ```compile_fail,E0277
/// fn on_any_core<T: Send>(_: T) {}
/// on_any_core(nestling_runtime::sync::Barrier::new(1));
/// ```
#[derive(Debug)]
pub struct Barrier {
    /// Nobody ever gets one of these.
    gate: Permits,
    count: usize,
}

impl Barrier {
    /// For so many tasks. For none it is as for one: nobody waits.
    pub const fn new(count: usize) -> Self {
        Self { gate: Permits::new(0), count }
    }

    /// Waits until so many tasks have come. It counts from the future's first poll on.
    pub async fn wait(&self) -> BarrierWaitResult {
        drop_point().await;
        let leader = self.gate.waiting() + 1 >= self.count;
        if leader {
            self.gate.let_all_go();
        } else {
            self.gate.take(1).await.forget();
        }
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
