//! `Watchdog`: the thread that sees which task holds a core while it does.
//!
//! The thread looks once in each threshold. When no core has polled anything since the last look,
//! it sleeps until a core does: a program that rests makes no system call for it.

use crate::label::{Id, Label};
use crate::sys::{self, ForkGuard};
use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A task that has held its core for too long, and still does.
///
/// # Examples
///
/// ```
/// use nestling_runtime::Runtime;
/// use nestling_runtime::inspect::Stall;
/// use std::sync::mpsc::channel;
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let (tell, told) = channel();
/// let builder = Runtime::builder().stall_threshold(Duration::from_millis(10));
/// let builder = builder.on_stall(move |stall: &Stall| tell.send(stall.to_string()).unwrap());
/// builder.build()?.block_on(async {
///     let text = told.recv().unwrap(); // blocks the core, until it is told so
///     assert!(text.contains("is held for"), "{text}");
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stall {
    /// The name of the core's thread, or its number.
    pub thread: String,
    /// The task.
    pub task: Id,
    /// The task's name and source line; of a body, its nursery's. None of the future of `block_on`.
    pub label: Option<Label>,
    /// For how long the task has held the core.
    pub held: Duration,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, task, label, held } = self;
        write!(
            f,
            "the core of thread {thread:?} is held for {} ms by task {task}",
            held.as_millis()
        )?;
        match label {
            Some(label) => write!(f, ", {label}"),
            None => f.write_str(", its root"),
        }
    }
}

/// What is called for each stall, on the watchdog's thread.
#[derive(Clone)]
pub(crate) struct OnStall(pub(crate) Arc<dyn Fn(&Stall) + Send + Sync>);

impl fmt::Debug for OnStall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnStall")
    }
}

impl Default for OnStall {
    /// A line on the standard error. If that is closed, the line is lost, and no more.
    fn default() -> Self {
        Self(Arc::new(|stall| drop(writeln!(io::stderr(), "nestling: {stall}"))))
    }
}

/// The poll by which a core is held.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder {
    pub(super) task: Id,
    pub(super) label: Option<Label>,
    /// The task's own time counts from here.
    pub(super) since: u64,
    pub(super) told: bool,
}

/// A core, as the watchdog sees it.
#[derive(Debug)]
pub(crate) struct Watched {
    thread: String,
    threshold: u64,
    now: Mutex<Now>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Now {
    holder: Option<Holder>,
    /// The core has polled something since the last look.
    polled: bool,
}

#[derive(Debug)]
struct Shared {
    process: ForkGuard,
    threshold: Duration,
    tell: OnStall,
    state: Mutex<State>,
    /// The watchdog is asleep, or about to be: a core that polls a task wakes it.
    asleep: AtomicBool,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    cores: Vec<Arc<Watched>>,
    closed: bool,
}

/// The thread that watches the cores of one runtime, or of one run. Joined when this is dropped.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing foreign runs under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watched {
    pub(super) fn threshold(&self) -> u64 {
        self.threshold
    }

    /// A poll begins; the poll around it comes back.
    pub(super) fn begin(&self, holder: Holder) -> Option<Holder> {
        let mut now = lock(&self.now);
        now.polled = true;
        let outer = now.holder.replace(holder);
        drop(now);
        // The watchdog looks at this core after it has set `asleep`: one of the two sees the other.
        if outer.is_none() && self.shared.asleep.load(Ordering::SeqCst) {
            let state = lock(&self.shared.state);
            self.shared.wake.notify_one();
            drop(state);
        }
        outer
    }

    /// A poll ends; the poll around it goes on.
    pub(super) fn end(&self, outer: Option<Holder>) {
        lock(&self.now).holder = outer;
    }

    /// Whether a task was polled since the last look, and the stall to be reported now.
    fn look(&self, time: u64) -> (bool, Option<Stall>) {
        let mut now = lock(&self.now);
        let polled = std::mem::take(&mut now.polled) || now.holder.is_some();
        let Some(holder) = &mut now.holder else { return (polled, None) };
        let held = time.saturating_sub(holder.since);
        if holder.told || held < self.threshold {
            return (polled, None);
        }
        holder.told = true;
        let Holder { task, label, .. } = *holder;
        drop(now);
        let (thread, held) = (self.thread.clone(), Duration::from_nanos(held));
        (polled, Some(Stall { thread, task, label, held }))
    }
}

impl Watchdog {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The process may have no further thread.
    pub(crate) fn start(name: &str, threshold: Duration, tell: OnStall) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            process: ForkGuard::new(),
            threshold,
            tell,
            state: Mutex::default(),
            asleep: AtomicBool::new(false),
            wake: Condvar::new(),
        });
        let watches = Arc::clone(&shared);
        let thread = thread::Builder::new().name(format!("{name}-watchdog"));
        let thread = thread.spawn(move || watches.work())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Watches the core that the calling thread is to run.
    pub(crate) fn add_this_core(&self) -> Arc<Watched> {
        let thread = thread::current();
        let name = thread.name().map_or_else(|| format!("{:?}", thread.id()), str::to_owned);
        let core = Arc::new(Watched {
            thread: name,
            threshold: self.shared.threshold.as_nanos().try_into().unwrap_or(u64::MAX),
            now: Mutex::default(),
            shared: Arc::clone(&self.shared),
        });
        lock(&self.shared.state).cores.push(Arc::clone(&core));
        core
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if self.shared.process.forked() {
            // The thread is the parent's, and may have held a lock.
            return self.thread.take().into_iter().for_each(std::mem::forget);
        }
        let mut state = lock(&self.shared.state);
        state.closed = true;
        // Each core holds `Shared`, too: this breaks the circle.
        state.cores.clear();
        drop(state);
        self.shared.wake.notify_one();
        self.thread.take().into_iter().for_each(|thread| drop(thread.join()));
    }
}

impl Shared {
    fn work(&self) {
        let mut state = lock(&self.state);
        while !state.closed {
            self.asleep.store(true, Ordering::SeqCst);
            let time = sys::monotonic_ns();
            let looks: Vec<_> = state.cores.iter().map(|core| core.look(time)).collect();
            let mut stalls = looks.iter().filter_map(|(_, stall)| stall.as_ref()).peekable();
            if stalls.peek().is_some() {
                drop(state);
                // A hook that panics has told so by the panic hook.
                stalls.for_each(|stall| {
                    let _ = catch_unwind(AssertUnwindSafe(|| (self.tell.0)(stall)));
                });
                state = lock(&self.state);
            } else if looks.iter().any(|(polled, _)| *polled) {
                self.asleep.store(false, Ordering::SeqCst);
                let waited = self.wake.wait_timeout(state, self.threshold);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}
