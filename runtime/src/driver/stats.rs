//! `Stats`: what a core's driver has counted.

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
    /// Calls by which the core entered the kernel: to submit, or to wait.
    pub enters: u64,
    /// Wakes from other threads that interrupted a sleep.
    pub doorbells: u64,
    /// Operations whose memory was leaked, because the kernel would not finish them.
    pub leaked: u64,
}
