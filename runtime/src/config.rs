//! Every option and limit of one core, each with its default and its reason.

use std::time::Duration;

/// The kernel that a core submits to, and waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Kernel {
    /// The io-uring of the operating system.
    #[cfg_attr(not(any(loom, miri)), default)]
    #[allow(dead_code, reason = "no model chooses it")]
    Uring,
    /// A model in this process: see `ring/modelled`.
    #[cfg(any(test, loom, miri))]
    #[cfg_attr(any(loom, miri), default)]
    Modelled,
}

/// The options of one core. Made by [`Builder`](crate::Builder).
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// Which kernel the core runs on.
    pub(crate) kernel: Kernel,
    /// Entries of the submission queue. One turn's batch has to fit for a turn to need one system
    /// call; more only costs 64 bytes an entry. What does not fit waits in the backlog.
    pub(crate) entries: u32,
    /// Entries of the completion queue. The kernel sizes its cancel table after it, so fewer than
    /// 8192 make a mass cancel slow (9,900 receives: 2.0 us each at 8192, 37 us each at 64).
    pub(crate) completions: u32,
    /// How long a core that has nothing to do looks for work before it sleeps, at most; see
    /// `driver::spin`. Off for a runtime on a thread that we did not start: other
    /// threads may have work for its processor.
    pub(crate) spin: Duration,
    /// How long a core under load may keep a completion waiting for others; see
    /// `driver::batching`. Off by default: such a wait spares system calls, and costs latency.
    pub(crate) batch: Duration,
    /// The name of the thread, or the prefix of the names of several.
    pub(crate) name: String,
    /// Threads for blocking calls, which all cores share. Most such calls wait, for a disk or a
    /// name server, so there are more of them than processors; 64 are enough that a few dozen
    /// lookups which no server answers do not stop the others, and few enough that calls which
    /// compute, or need much memory each, do not bring the machine down.
    pub(crate) blocking_threads: usize,
    /// How long a thread for blocking calls waits for the next call before the thread ends. Long
    /// enough to outlast the pauses of a busy program; a program that rests keeps no such thread.
    pub(crate) blocking_keep_alive: Duration,
    /// How many buffers the default pool has, and the size of each. Most messages are shorter than
    /// 4 KiB; 1,024 buffers are more than a turn of a busy core takes, and only buffers that were
    /// used take memory. Smaller buffers make no echo of 64 bytes cheaper, except in bursts of
    /// 1,000 messages, where buffers of 1 KiB cost 6 % less; but a message of 4 KiB takes four of
    /// these. More buffers cost: the kernel goes round as many as a burst takes. Processor time of
    /// a message of a bare ring, over that of the pool (`cargo bench --bench pool`, Linux 6.18, two
    /// busy processors: medians of 9 rounds, of which a few percent are noise):
    ///
    /// | connections | 512 x 256 | 256 x 1K | 1,024 x 1K | 256 x 4K | 1,024 x 4K | 4,096 x 4K |
    /// |---|---|---|---|---|---|---|
    /// | 1 | 0.95 | 0.96 | 0.98 | 0.94 | 1.01 | 0.97 |
    /// | 64 | 0.89 | 0.90 | 0.91 | 0.90 | 0.89 | 0.87 |
    /// | 512 | 0.93 | 0.90 | 0.94 | 0.89 | 0.93 | 0.96 |
    /// | 1,000 | 0.91 | 0.93 | 0.95 | 0.93 | 0.89 | 0.85 |
    pub(crate) buffers: (usize, usize),
}

impl Default for Config {
    fn default() -> Self {
        Self {
            kernel: Kernel::default(),
            entries: 256,
            completions: 8192,
            spin: Duration::ZERO,
            batch: Duration::ZERO,
            name: "nestling".to_owned(),
            blocking_threads: 64,
            blocking_keep_alive: Duration::from_secs(10),
            buffers: (1024, 4096),
        }
    }
}

/// Threads of the kernel's that one core may have for operations which cannot wait without one:
/// first the limit for files and disks, then the limit for all else. The kernel's own limit is too
/// low for files (four for each processor: a handful of files on a mount that hangs stop all
/// others), and for all else it is as many as the user may have processes. 64 threads keep a disk
/// busy, and do not let a hundred cores fill the machine.
pub(crate) const KERNEL_WORKERS: [u32; 2] = [64, 64];

/// Opens of one core that may wait on a thread of the kernel's for someone, such as the other end
/// of a FIFO. Further ones wait in line on their core: half of the threads is always left for files
/// and disks.
pub(crate) const WAITING_OPENS: usize = KERNEL_WORKERS[0] as usize / 2;

/// Of so many threads for blocking calls there is one more, for calls that only a server in user
/// space (FUSE) ends: one that is dead keeps those, and no others.
pub(crate) const SERVERS_PART: usize = 4;

/// How long pinned cores spin, unless they are told otherwise: about what a sleep and a wake cost.
pub(crate) const SPIN: Duration = Duration::from_micros(50);

/// Blocking calls that one core may have queued or running, for each thread of the pool. Two: a
/// thread that ends a call finds the next one before the core has noticed, and no core makes the
/// others wait behind more than twice as many calls as run at a time. Further ones wait in line on
/// their core.
pub(crate) const CALLS_PER_THREAD: usize = 2;

/// Operations that one core may have in flight. The kernel does not limit them; 24 bits of the
/// completion's key number them, and a million are already 1 GiB of kernel memory.
pub(crate) const IN_FLIGHT_LIMIT: usize = 1 << 20;

/// Answers to one operation that wait for its future, such as connections that were accepted, when
/// the kernel is asked to end it. More wait for a moment: those that the kernel has given before it
/// hears of that, at most what the completion queue and the pool have room for. Half a turn's polls
/// take so many.
pub(crate) const UNREAD_ANSWERS: usize = 64;

/// Buffers of a pool that the kernel has at a time, to begin with: as many as receives are answered
/// in one turn of a busy core. Each time that these were too few, their number is doubled. The
/// kernel goes round all buffers that it has, so these are what a pool keeps warm, and for a small
/// load they are enough: of the default pool, 256 KiB.
pub(crate) const POOL_DEPTH: usize = 64;

/// Of the buffers of a pool, the part that one stream of receives may have at a time: an eighth.
/// Half of that part may wait for the stream's task, and half may be with the task, at least one
/// buffer each. Seven floods leave something for other receives. The kernel may take more at once.
pub(crate) const POOL_SHARE: usize = 8;

/// How long a receive waits for a buffer of an empty pool before it gets memory of its own: longer
/// than tasks take to handle a message, shorter than a user notices.
pub(crate) const POOL_TIMEOUT: Duration = Duration::from_millis(10);

/// How often in a row a receive asks the kernel again, when the kernel found no buffer and the pool
/// has one now. Other receives may take that buffer each time; then the receive stands in line.
pub(crate) const POOL_ATTEMPTS: u32 = 2;

/// Polls of children and bodies in one turn before completions are looked at again. 128 polls of a
/// typical task are 10-50 us, the longest that a ready connection should wait for its turn.
pub(crate) const POLL_BUDGET: u32 = 128;

/// Nurseries, shields and clean-ups that a task may begin after it was cancelled; the next one is
/// its end. An end in good order takes a few. A loop around a shield, or around a nursery that
/// succeeds at once or fails by itself, is told of no cancel and would go on for ever.
pub(crate) const BEGUN_AFTER_CANCEL: u8 = 250;

/// Awaits in one turn that return without having suspended, before completions are looked at again.
/// 1024 take 20 us, so that to turn costs them little; with 5 us of work for each, which is much
/// for a message, they take the 5 ms that a ready connection may have to wait.
pub(crate) const AWAIT_BUDGET: u32 = 1024;

/// Polls after which a turn is a busy one: some 20 us, in which a peer on the same machine answers.
/// Polls are no measure of connections: one in nested nurseries spends several, and so does a task
/// that yields. A turn whose awaits are used up is a busy one as well.
pub(crate) const BUSY_POLLS: u32 = 4;

/// The most that a socket trusts second tries, of which each that finds something adds one: so few
/// tries are in vain when its peer becomes slow.
pub(crate) const TRY_TRUST: u8 = 8;

/// What a second try in vain takes off: two of three have to pay, because one in vain (a receive
/// and a poll of the task) costs about what one that finds something saves (an operation).
pub(crate) const TRY_PRICE: u8 = 2;

/// Without trust, one of so many second tries is made all the same, to find out.
pub(crate) const TRY_PAUSE: u8 = 16;

/// Awaits that one poll of a cancelled task has to itself: the poll may be the task's last.
/// Enough for a clean-up that takes locks and sends messages; a loop ends with them.
pub(crate) const LAST_POLL_AWAITS: u32 = 128;

/// For how many polls a cancelled task that stays ready is spared, after a future inside a foreign
/// combinator was woken: the combinator may end its own poll before it polls that future, as
/// `FuturesUnordered` does after each two futures that wake themselves.
pub(crate) const FOREIGN_POLLS: u16 = 1024;

/// For how many polls of a cancelled task a look waits until the task's combinators no longer wake
/// it. Combinators do that after each round, once for each level at which they are nested.
pub(crate) const QUIET_POLLS: u8 = 16;

/// Looks that a cancelled task has at once. Each event in the task takes one or two, and a few
/// events come of several timeouts, children and combinators that end together.
pub(crate) const KEPT_LOOKS: u64 = 16;

/// After which time a cancelled task has another look, in nanoseconds: by so much the task may end
/// late, and so often it is polled if each look leads to the next.
pub(crate) const LOOK_INTERVAL: u64 = 10_000_000;

/// After which time a cancelled task that is kept has its first recheck, in nanoseconds; each next
/// recheck comes after four times as long. Events that looks miss are rare, and 4 ms are a short
/// life.
pub(crate) const FIRST_RECHECK: u64 = 4_000_000;

/// The longest time until the next recheck, in nanoseconds.
pub(crate) const LAST_RECHECK: u64 = 1_000_000_000;

/// By how much each scope that is kept prolongs the time until a recheck, in nanoseconds: a recheck
/// takes two polls, a few microseconds.
pub(crate) const RECHECK_COST: u64 = 100_000;

/// Tasks and parts of tasks that are polled for rechecks in one turn, before completions are looked
/// at again.
pub(crate) const RECHECKS_PER_TURN: usize = 64;

/// For how long a turn goes on with awaits whose time has passed already, in nanoseconds: a loop
/// that is late may do much work between two of them. Twice what the polls of a turn of typical
/// tasks take.
pub(crate) const LATE_TIMERS: u64 = 100_000;

/// Bytes of freed task cells that a core keeps for the next spawn, per size: 2730 of the smallest,
/// 256 of the largest. That covers the churn of a busy accept loop and fits into the second-level
/// cache; the rest goes back to the allocator, so that a burst does not hold memory.
pub(crate) const POOLED_BYTES: usize = 256 * 1024;

/// How often a core looks for tables that hold far more than is in use. A second is soon after a
/// burst; a load that fills and empties a table faster than this loses the table's memory at most
/// once a second, and to grow again takes a thousandth of that time.
pub(crate) const TRIM_EVERY: Duration = Duration::from_secs(1);

/// Bytes of a table that are kept in any case while a core runs: 256 tasks, or 100 operations in
/// flight. To grow so far takes a handful of allocations, and not to grow at all is what a small
/// program can expect.
pub(crate) const SMALLEST_TABLE: usize = 16 * 1024;

/// By how much the clock that is read in each turn may be behind the one that ends a sleep: a tick
/// of the slowest kernels.
pub(crate) const COARSE_TICK: Duration = Duration::from_millis(10);

/// How long the kernel may take to acknowledge a cancel before an instrument is told. Most are
/// acknowledged in the same turn; a second is far beyond what a busy disk takes, and soon enough
/// for an operator who wonders why a server does not stop.
pub(crate) const SLOW_ACKNOWLEDGEMENT: Duration = Duration::from_secs(1);

/// Tasks that have held their core for too long and are remembered, for `dump_tree`: the last ones.
/// A task's own memory has no room for this, and more tasks than fit on a screen are no help.
pub(crate) const STALLS_KEPT: usize = 64;

/// Turns with runnable work after which the kernel is entered although nothing is queued for it.
/// Completions run inside `enter` only; this bounds how long a busy core leaves them waiting.
pub(crate) const TURNS_PER_ENTER: u32 = 8;

/// Operations of cancelled scopes that one turn asks for, and cancel requests that it hands to the
/// kernel. More follow in the next turns, between which other tasks run: a request costs about 2 us
/// with all that comes of it, so a turn of a mass cancel spends a millisecond on these. 512
/// requests fill two queues of the default size: with fewer, the system calls begin to count.
pub(crate) const CANCELS_PER_TURN: usize = 512;

/// Submissions that one turn hands to the kernel. More follow in the next turns: a task that begins
/// very many operations in one poll does not keep the others waiting until the kernel has them all.
/// Each takes the kernel about half a microsecond.
pub(crate) const SUBMISSIONS_PER_TURN: usize = 4096;

/// Completions, timers that are due or come near, and messages of other threads, that one turn acts
/// on: so many of each. Acting on one takes a fraction of a microsecond, and the tasks that were
/// woken wait.
pub(crate) const EVENTS_PER_TURN: usize = 4096;
