//! `Pool`: the threads for blocking calls.
//!
//! ```text
//!   send ─▶ queue ─▶ an idle thread, or a new one, up to the limit ─▶ run ─▶ the ticket goes
//!             └ recall: the call is taken out and never runs
//! ```
//!
//! A thread that was idle for long ends; the other threads end when the pool goes, which joins all.
//! So 1,000 runtimes, one after the other, leave no thread behind.
//!
//! Our own code, because no crate has what this needs: threads that are bounded *and* joined, calls
//! that can be taken out of the queue, and an error when no thread can be started. `blocking` has
//! one pool for the whole process and never joins it; `rusty_pool` and `threadpool` know when all
//! is idle, not when threads are gone, and panic when there is none.

use super::call::Run;
use crate::config::{Config, SERVERS_PART};
use crate::diagnosis::{Facts, Refusal, thread as no_thread};
use crate::inbox::Ticket;
use crate::sys::{Affinity, ForkGuard};
use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The threads of one runtime, or of all cores of one run. They are joined when this is dropped.
#[derive(Debug)]
pub(crate) struct Threads(Pool);

/// Where calls go, to run on one of the threads.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    /// Threads apart, for calls that only a server in user space ends: one that is dead keeps all
    /// of these, and none of the others.
    servers: Arc<Shared>,
}

/// Which threads a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Those for all calls.
    Any,
    /// Those for calls that only a server in user space ends: a quarter as many, at least one.
    Server,
}

/// What the threads for blocking calls do, at one moment.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::{Runtime, metrics::{BlockingStats, Metrics}};
/// let metrics = Metrics::new();
/// let runtime = Runtime::builder().blocking_threads(8).metrics(&metrics).build()?;
/// let BlockingStats { threads, limit, .. } = metrics.blocking();
/// assert_eq!((threads, limit), (0, 8)); // no call was made
/// # drop(runtime);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockingStats {
    /// Threads that run.
    pub threads: usize,
    /// Of these threads, how many wait for a call.
    pub idle: usize,
    /// How many threads there may be.
    pub limit: usize,
    /// Calls that were queued, since the runtime was built.
    pub calls: u64,
    /// Calls that wait for a thread.
    pub waiting: usize,
}

impl BlockingStats {
    /// The sum of the numbers of two pools.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            threads: self.threads + other.threads,
            idle: self.idle + other.idle,
            limit: self.limit + other.limit,
            calls: self.calls + other.calls,
            waiting: self.waiting + other.waiting,
        }
    }
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    process: ForkGuard,
    name: String,
    most: usize,
    keep_alive: Duration,
    /// Where the threads may run: where the pool was made. A core's thread that starts one is kept
    /// on its processor, which must not be shared.
    affinity: Option<Affinity>,
    state: Mutex<State>,
    /// A call was queued, or the pool is closed.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Calls by number, which is their order.
    queue: BTreeMap<u64, Job>,
    /// Threads that wait for a call, or were woken and have not taken theirs yet.
    idle: usize,
    threads: BTreeMap<u64, JoinHandle<()>>,
    /// The thread that has ended last; the next one joins it.
    ended: Option<JoinHandle<()>>,
    /// Numbers calls and threads.
    calls: u64,
    started: u64,
    closed: bool,
}

/// A call that is queued. When the ticket goes, the pool is done with the call.
struct Job {
    call: Arc<dyn Run>,
    ticket: Ticket,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("ticket", &self.ticket).finish_non_exhaustive()
    }
}

impl Threads {
    /// A pool without threads yet.
    pub(crate) fn new(config: &Config) -> Self {
        let affinity = Affinity::of_this_thread().ok();
        let shared = |name: &str, most: usize| {
            Arc::new(Shared {
                process: ForkGuard::new(),
                name: format!("{}-{name}", config.name),
                most,
                keep_alive: config.blocking_keep_alive,
                affinity,
                state: Mutex::default(),
                news: Condvar::new(),
            })
        };
        let most = config.blocking_threads;
        let servers = shared("servers", most.div_ceil(SERVERS_PART));
        Self(Pool { shared: shared("blocking", most), servers })
    }

    /// A handle that sends calls to the threads.
    pub(crate) fn pool(&self) -> Pool {
        self.0.clone()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        let Pool { shared, servers } = &self.0;
        if shared.process.forked() {
            // The threads are the parent's, and one of them may have held the lock.
            return;
        }
        let threads: Vec<_> = [shared, servers].into_iter().flat_map(|lane| lane.close()).collect();
        // The threads do not panic.
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

impl Pool {
    /// How many threads there may be.
    pub(super) fn most(&self) -> usize {
        self.shared.most
    }

    fn lane(&self, lane: Lane) -> &Arc<Shared> {
        match lane {
            Lane::Any => &self.shared,
            Lane::Server => &self.servers,
        }
    }

    /// What the threads for all calls do now. In a process that was forked, nothing: the threads
    /// are not here.
    pub(crate) fn stats(&self) -> BlockingStats {
        if self.shared.process.forked() {
            return BlockingStats::default();
        }
        let state = self.shared.lock();
        BlockingStats {
            threads: state.threads.len(),
            // Each call that waits is for an idle thread, which was woken for the call.
            idle: state.idle.saturating_sub(state.queue.len()),
            limit: self.shared.most,
            calls: state.calls,
            waiting: state.queue.len(),
        }
    }

    /// Whether the threads were joined, or are about to be.
    pub(crate) fn is_closed(&self) -> bool {
        !self.shared.process.forked() && self.shared.lock().closed
    }

    /// Queues a call. The ticket is dropped when the call has run, or was recalled by its number;
    /// or with the error.
    ///
    /// # Errors
    ///
    /// There is no thread, and none can be started. If there is one, the call waits for it.
    pub(super) fn send(&self, lane: Lane, call: Arc<dyn Run>, ticket: Ticket) -> io::Result<u64> {
        let shared = self.lane(lane);
        assert!(
            !shared.process.forked(),
            "this process was forked from one that runs nestling: its threads are not here. Start \
             the runtime after the fork, or use exec in the child"
        );
        let mut state = shared.lock();
        if state.closed {
            drop(state);
            return Err(io::Error::other("the runtime of this blocking call has ended"));
        }
        state.calls += 1;
        let number = state.calls;
        state.queue.insert(number, Job { call, ticket });
        if state.queue.len() > state.idle
            && state.threads.len() < shared.most
            && let Err(error) = shared.start(&mut state)
            && state.threads.is_empty()
        {
            let job = state.queue.remove(&number);
            drop(state);
            drop(job);
            return Err(refused(&error));
        }
        drop(state);
        shared.news.notify_one();
        Ok(number)
    }

    /// Takes a call out of the queue, if no thread has begun with it. Nothing foreign runs: the
    /// caller has the call, too.
    pub(super) fn recall(&self, lane: Lane, number: u64) {
        let job = self.lane(lane).lock().queue.remove(&number);
        drop(job);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing foreign runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No call is queued any more. Gives the threads, which end when they have made the calls that
    /// are there.
    fn close(&self) -> impl Iterator<Item = JoinHandle<()>> + use<> {
        let mut state = self.lock();
        state.closed = true;
        let threads = mem::take(&mut state.threads);
        let ended = state.ended.take();
        drop(state);
        self.news.notify_all();
        threads.into_values().chain(ended)
    }

    /// Starts another thread, which is idle from now on.
    fn start(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        let number = state.started;
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name(format!("{}-{number}", self.name));
        let thread = thread.spawn(move || shared.work(number))?;
        state.started += 1;
        state.idle += 1;
        state.threads.insert(number, thread);
        Ok(())
    }

    /// What a thread does: makes the calls, oldest first, until it is idle for long or the pool is
    /// closed.
    fn work(&self, number: u64) {
        if let Some(affinity) = &self.affinity {
            // If the processors were taken from the process meanwhile, the thread stays where it
            // is.
            let _ = affinity.apply();
        }
        let mut state = self.lock();
        loop {
            if let Some((_, job)) = state.queue.pop_first() {
                state.idle -= 1;
                drop(state);
                let ticket = job.run();
                // Counted as idle before the ticket tells the core of the end: the next call, from
                // the task that is woken, finds this thread.
                self.lock().idle += 1;
                drop(ticket);
                state = self.lock();
                continue;
            }
            if state.closed {
                return;
            }
            let waited = self.news.wait_timeout(state, self.keep_alive);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() && state.queue.is_empty() && !state.closed {
                state.idle -= 1;
                let own = state.threads.remove(&number);
                let before = mem::replace(&mut state.ended, own);
                drop(state);
                before.into_iter().for_each(|thread| drop(thread.join()));
                return;
            }
        }
    }
}

impl Job {
    /// Makes the call, and drops it. The call has ended when the caller drops the ticket.
    fn run(self) -> Ticket {
        let Self { call, ticket } = self;
        call.run();
        // If the future of the call is gone, this drops the value.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(call))) {
            // The panic hook has printed the panic. The payload's destructor may panic as well; the
            // payload of that one is leaked, for there would be no end to it.
            let last = catch_unwind(AssertUnwindSafe(|| drop(payload)));
            last.err().into_iter().for_each(mem::forget);
        }
        ticket
    }
}

/// No thread: which limit was reached, and the remedy.
fn refused(error: &io::Error) -> io::Error {
    let error = no_thread(error, &Facts::read());
    let error = Refusal::at("a blocking call cannot begin", &error);
    match error.kind() {
        // EAGAIN: the caller must not take this for a socket that is not ready.
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::QuotaExceeded, error),
        _ => error,
    }
}
