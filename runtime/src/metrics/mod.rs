//! What all cores of a program count, read from any thread: [`Metrics`].
//!
//! ```text
//!   core 0: Counters ◀──────────────┐
//!   core 1: Counters ◀──────────────┤  reads, when it is asked
//!   Pool: threads, calls ◀──────────┼────────────────────────── Metrics ◀── a scrape
//!   a hook on each core: TaskCounts ◀┘
//! ```
//!
//! Nothing is sent to a core for it and no core answers: what a core counts is where every thread
//! can read it. So a core that stalls, or sleeps, has its metrics all the same.

#[cfg(feature = "prometheus")]
mod collector;
mod nurseries;
mod poll_times;
mod task_counts;

use crate::blocking::Pool;
use crate::counters::{Counters, Stats};
use crate::instrument::Event;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

pub use crate::blocking::BlockingStats;
pub use nurseries::NurseryStats;
pub use poll_times::PollTimes;
use task_counts::{Observer, Observers};

/// The metrics of all cores that were built with them; see
/// [`Builder::metrics`](crate::Builder::metrics). A handle: clones are of the same metrics.
///
/// Metrics may be read on any thread, at any time: a core's task that answers a scrape reads those
/// of the other cores as well. Of what cores share, a reader holds no lock for longer than it takes
/// to copy a few numbers. With the feature `prometheus`, `Metrics` is a
/// `prometheus_client::collector::Collector`.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::metrics::Metrics;
/// use nestling_runtime::{Cores, Runtime, time::sleep};
/// use std::time::Duration;
///
/// let metrics = Metrics::new();
/// let read = metrics.clone();
/// Runtime::builder().cores(Cores::Count(1)).metrics(&metrics).run(async move |_| {
///     sleep(Duration::from_millis(1)).await;
///     for (core, stats) in read.cores() {
///         println!("core {core}: {} turns, {} calls", stats.turns, stats.enters);
///         assert!(stats.turns > 0);
///     }
///     Ok::<_, std::io::Error>(())
/// })?;
/// assert_eq!(metrics.cores(), []); // all cores have ended
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    cores: Mutex<BTreeMap<usize, Weak<Counters>>>,
    pools: Mutex<Vec<Pool>>,
    observers: Observers,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing foreign runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Metrics {
    /// Of no core yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What each core has counted, by [its index](crate::Core::index). A runtime of one core
    /// ([`Builder::build`](crate::Builder::build)) has the first number that is free; so has a core
    /// whose index is taken, by another run with the same metrics. A core that has ended is gone.
    pub fn cores(&self) -> Vec<(usize, Stats)> {
        let mut cores = lock(&self.0.cores);
        cores.retain(|_, counters| counters.strong_count() > 0);
        let read = |(index, counters): (&usize, &Weak<Counters>)| {
            Some((*index, counters.upgrade()?.read()))
        };
        cores.iter().filter_map(read).collect()
    }

    /// What the threads for blocking calls do: the sum, if there are those of several runtimes.
    pub fn blocking(&self) -> BlockingStats {
        let mut pools = lock(&self.0.pools);
        pools.retain(|pool| !pool.is_closed());
        pools.iter().map(Pool::stats).fold(BlockingStats::default(), BlockingStats::plus)
    }

    /// A hook that counts nurseries and tasks, and times polls, on the thread on which it is
    /// [installed](crate::inspect::instrument); install one on each core.
    ///
    /// A task with one poll costs 1,400 instructions more with it, about half a microsecond.
    /// Without it, nurseries and polls are not counted.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::{Cores, Runtime, inspect::instrument, metrics::Metrics};
    /// let metrics = Metrics::new();
    /// let all = metrics.clone();
    /// Runtime::builder().cores(Cores::Count(1)).metrics(&metrics).run(async move |_| {
    ///     let _counted = instrument(all.count_tasks());
    ///     // The program of this core.
    ///     Ok::<_, std::io::Error>(())
    /// })?;
    /// assert!(metrics.nurseries().is_empty()); // no nursery was opened
    /// # Ok(())
    /// # }
    /// ```
    pub fn count_tasks(&self) -> impl Fn(&Event) + 'static {
        let observer = Observer::new(self.clone());
        move |event| observer.observe(event)
    }

    /// The nurseries that [hooks](Self::count_tasks) have seen, by name. Those of one name are
    /// counted together, on all cores; a nursery without a name goes by the line that opens it.
    pub fn nurseries(&self) -> Vec<NurseryStats> {
        self.0.observers.nurseries()
    }

    /// How long the polls took that [hooks](Self::count_tasks) have seen, on all cores.
    pub fn poll_times(&self) -> PollTimes {
        self.0.observers.poll_times()
    }

    /// A core begins to count. Its place is the first that is free, from its index on.
    pub(crate) fn add_core(&self, index: usize, counters: &Arc<Counters>) {
        let mut cores = lock(&self.0.cores);
        cores.retain(|_, counters| counters.strong_count() > 0);
        let free = if cores.contains_key(&index) { 0 } else { index };
        let free = (free..).find(|index| !cores.contains_key(index));
        cores.insert(free.expect("fewer cores than numbers"), Arc::downgrade(counters));
    }

    /// The threads for blocking calls of a runtime, or of a run.
    pub(crate) fn add_pool(&self, pool: Pool) {
        lock(&self.0.pools).push(pool);
    }

    fn observers(&self) -> &Observers {
        &self.0.observers
    }
}
