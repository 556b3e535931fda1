//! `Counters`: what a core counts, for every thread to read; and `Stats`, what was read.
//!
//! One thread counts, so a count is a plain addition: no instruction locks the memory. Other
//! threads read at any moment; that costs the core nothing.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one core since its runtime was built, except `in_flight` and `leased`, which are the
/// present.
///
/// `submitted` is always `completed` plus `in_flight`.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let mut runtime = nestling_runtime::Runtime::builder().build()?;
/// runtime.block_on(nestling_runtime::time::sleep(std::time::Duration::from_millis(1)));
/// let stats = runtime.stats();
/// assert_eq!(stats.submitted, stats.completed + stats.in_flight);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Operations handed to the kernel.
    pub submitted: u64,
    /// Operations whose final completion came.
    pub completed: u64,
    /// Operations that the kernel still has.
    pub in_flight: u64,
    /// Operations that were resolved before they entered the kernel.
    pub withdrawn: u64,
    /// Cancel requests handed to the kernel.
    pub cancel_requests: u64,
    /// Operations that ended because of one.
    pub cancelled: u64,
    /// Results that no future takes: descriptors closed, buffers freed. Those of operations whose
    /// futures were dropped, and of the closes of descriptors that were dropped.
    pub discarded: u64,
    /// The successes among them: operations that did something of which no code hears, such as a
    /// send whose future was dropped. The close of a descriptor that was dropped is none.
    pub lost: u64,
    /// Results whose futures were dropped, kept for the next accept or receive.
    pub resumed: u64,
    /// Buffers of the core's pools that leases hold, or receives which are under way: at present.
    /// Only the core itself knows: zero in what [`Metrics`](crate::metrics::Metrics) reads.
    pub leased: u64,
    /// Receives that found their pool empty, and had to wait for a buffer.
    pub starved: u64,
    /// Receives that got memory of their own instead of a buffer: because their stream held its
    /// share of the pool, or because no buffer came back while they waited.
    pub copied: u64,
    /// Errors of tasks that came of a cancellation which they had been delivered.
    pub derived: u64,
    /// Completions that matched nothing in flight.
    pub stale: u64,
    /// Turns in which the completion queue had overflowed into the kernel's memory.
    pub overflows: u64,
    /// Rounds of the event loop: tasks, then the kernel, then what it has answered.
    pub turns: u64,
    /// Calls by which the core entered the kernel: to submit, or to wait.
    pub enters: u64,
    /// Wakes from other threads that interrupted a sleep.
    pub doorbells: u64,
    /// Operations whose memory was leaked, because the kernel would not finish them.
    pub leaked: u64,
    /// Polls in which a task has held the core for longer than
    /// [`Builder::stall_threshold`](crate::Builder::stall_threshold); zero without one.
    pub stalls: u64,
}

/// A number that one thread counts and every thread may read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Counts so many more. Only the thread of the core may call this: it is no atomic addition.
    #[inline(always)]
    pub(crate) fn add(&self, more: u64) {
        self.set(self.0.load(Ordering::Relaxed).wrapping_add(more));
    }

    /// Takes another value. Only the thread of the core may call this.
    #[inline(always)]
    pub(crate) fn set(&self, value: u64) {
        // A thread that reads this value reads all that was counted before it.
        self.0.store(value, Ordering::Release);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// What one core counts: the fields of [`Stats`]. In lines of memory that nothing else is in.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Counters {
    pub(crate) submitted: Count,
    pub(crate) completed: Count,
    pub(crate) turns: Count,
    pub(crate) enters: Count,
    pub(crate) cancelled: Count,
    pub(crate) withdrawn: Count,
    pub(crate) cancel_requests: Count,
    pub(crate) discarded: Count,
    pub(crate) lost: Count,
    pub(crate) resumed: Count,
    pub(crate) starved: Count,
    pub(crate) copied: Count,
    pub(crate) derived: Count,
    pub(crate) stale: Count,
    pub(crate) overflows: Count,
    pub(crate) doorbells: Count,
    pub(crate) leaked: Count,
    pub(crate) stalls: Count,
}

impl Counters {
    /// What was counted up to now, from any thread. The core may count meanwhile, so the numbers
    /// are not of one moment; but no completion is among them without its submission.
    pub(crate) fn read(&self) -> Stats {
        let completed = self.completed.get();
        let submitted = self.submitted.get();
        Stats {
            submitted,
            completed,
            in_flight: submitted - completed,
            turns: self.turns.get(),
            enters: self.enters.get(),
            cancelled: self.cancelled.get(),
            withdrawn: self.withdrawn.get(),
            cancel_requests: self.cancel_requests.get(),
            discarded: self.discarded.get(),
            lost: self.lost.get(),
            resumed: self.resumed.get(),
            leased: 0,
            starved: self.starved.get(),
            copied: self.copied.get(),
            derived: self.derived.get(),
            stale: self.stale.get(),
            overflows: self.overflows.get(),
            doorbells: self.doorbells.get(),
            leaked: self.leaked.get(),
            stalls: self.stalls.get(),
        }
    }
}
