//! `Runtime`: one core, driven by the thread that blocks on it.

use crate::blocking::{Admission, Pool, Threads};
use crate::config::Config;
use crate::context::{self, Core, Entered};
use crate::counters::Stats;
use crate::driver::{self, Driver, DriverRef};
use crate::event_loop::{self, EventLoop};
use crate::fs;
use crate::inbox::{Injector, Peer, Team};
use crate::metrics::Metrics;
use crate::pool::{self, Pools};
use crate::stall::Watchdog;
use crate::{op, trim};
use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

/// One core's ring and loop. Belongs to the thread that made it.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::Runtime;
/// let mut runtime = Runtime::builder().build()?;
/// assert_eq!(runtime.block_on(async { 6 * 7 }), 42);
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0277
/// let runtime = nestling_runtime::Runtime::builder().build().unwrap();
/// std::thread::spawn(move || drop(runtime)); // a ring belongs to its thread
/// ```
#[derive(Debug)]
pub struct Runtime {
    pools: Rc<Pools>,
    driver: DriverRef,
    injector: Arc<Injector>,
    /// The core, while the thread does not run it.
    core: RefCell<Option<Core>>,
    /// The threads of a runtime that runs alone. The last field: its drop joins the threads.
    threads: Option<(Threads, Option<Watchdog>)>,
}

impl Runtime {
    /// Makes the ring and checks that the machine has what is needed.
    pub(crate) fn new(config: &Config, pool: Pool) -> io::Result<Self> {
        let driver = Driver::new(config, &op::needed())?;
        let injector = Injector::new(Arc::clone(driver.unparker()));
        let counters = Arc::clone(driver.counters());
        let driver = Rc::new(RefCell::new(driver));
        let pools = Pools::new(config, Arc::clone(&counters));
        let core = Core {
            driver: Rc::clone(&driver),
            injector: Arc::clone(&injector),
            pools: Rc::clone(&pools),
            root: None,
            counters,
            admission: Admission::new(pool),
            opens: fs::Waiting::new(),
            mounts: Rc::default(),
            closer: op::close_detached,
            pipes: Rc::default(),
            team: None,
            watched: None,
            remote_children: None,
        };
        Ok(Self { pools, driver, injector, core: RefCell::new(Some(core)), threads: None })
    }

    /// As [`new`](Self::new), with threads of its own for blocking calls.
    pub(crate) fn alone(
        config: &Config,
        watchdog: Option<Watchdog>,
        metrics: Option<&Metrics>,
    ) -> io::Result<Self> {
        let threads = Threads::new(config);
        let mut runtime = Self::new(config, threads.pool())?;
        metrics.into_iter().for_each(|metrics| {
            runtime.report(0, metrics);
            metrics.add_pool(threads.pool());
        });
        watchdog.iter().for_each(|watchdog| runtime.watch(watchdog));
        runtime.threads = Some((threads, watchdog));
        Ok(runtime)
    }

    /// Has the polls of this core be timed, and watched.
    pub(crate) fn watch(&mut self, watchdog: &Watchdog) {
        self.core_mut().watched = Some(watchdog.add_this_core());
    }

    /// Adds what this core counts to the metrics, at that index if it is free.
    pub(crate) fn report(&self, index: usize, metrics: &Metrics) {
        metrics.add_core(index, self.driver.borrow().counters());
    }

    /// Makes this core one of a team, until [`leave`](Self::leave).
    pub(crate) fn join(&mut self, team: Arc<Team>, index: usize) {
        self.core_mut().team = Some(team.join(index));
    }

    /// This core ends: wakes the other cores of its team.
    pub(crate) fn leave(&mut self) {
        self.core_mut().team = None;
    }

    /// The thread runs this core until the guard goes. `None` if the thread runs a core already.
    pub(crate) fn enter(&self) -> Option<Entered<'_>> {
        context::enter(&self.core)
    }

    /// Begins the event loop of this core, which the thread runs.
    pub(crate) fn begin(&self) -> EventLoop<'_> {
        EventLoop::begin(&self.driver, &self.injector)
    }

    fn core_mut(&mut self) -> &mut Core {
        self.core.get_mut().as_mut().expect("the thread does not run it")
    }

    /// Runs a future on this thread. Returns when it has resolved and the kernel has finished
    /// everything that was submitted below it, blocking calls included; what is still in flight
    /// then is cancelled.
    ///
    /// # Panics
    ///
    /// With the panic of the future, when all that has finished; inside another `block_on`; in a
    /// process that was forked after the runtime was built. When the kernel refuses to go on, with
    /// the reason; memory that it may still write to is leaked then (`Stats::leaked`), and the
    /// runtime is of no use any more: each further call panics with that reason, without a poll of
    /// its future.
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let Some(entered) = self.enter() else {
            panic!(
                "block_on was called inside a runtime: this thread runs one already. Await the \
                 future instead, or start another thread for it"
            );
        };
        if let Some(reason) = self.driver.borrow().broken() {
            panic!(
                "block_on was called on a runtime that had broken down: {reason}. Build another \
                 one; this one can only be dropped"
            );
        }
        let output = event_loop::run(self.begin(), future);
        drop(entered);
        if self.driver.borrow().broken().is_some() {
            self.driver.borrow_mut().part();
            // This core will not hear what other threads ask of it.
            self.injector.close();
        }
        trim::ended();
        output.unwrap_or_else(|payload| std::panic::resume_unwind(payload))
    }

    /// How the other cores of a team reach this one.
    ///
    /// # Errors
    ///
    /// No descriptor is left.
    pub(crate) fn as_peer(&self) -> io::Result<Peer> {
        let ring = self.driver.borrow().duplicate_ring()?;
        Ok(Peer::new(Arc::clone(&self.injector), ring))
    }

    /// What the driver has counted so far. Inside the runtime, ask [`stats`].
    pub fn stats(&self) -> Stats {
        counted(self.driver.borrow().stats(), &self.pools)
    }
}

/// What the current core's driver has counted so far: [`Runtime::stats`] for code that runs inside,
/// where the `Runtime` is borrowed by `block_on`, and on the cores of
/// [`Builder::run`](crate::Builder::run), which never hand it out.
///
/// # Panics
///
/// Outside a runtime.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, stats, time::sleep};
/// use std::time::Duration;
/// block_on(async {
///     let before = stats().enters;
///     sleep(Duration::from_millis(1)).await;
///     assert!(stats().enters > before); // the core slept in the kernel
/// });
/// ```
pub fn stats() -> Stats {
    let stats = driver::expect_current("stats").borrow().stats();
    pool::here().map_or(stats, |pools| counted(stats, &pools))
}

/// The counts of the driver, with those of the pools.
fn counted(stats: Stats, pools: &Pools) -> Stats {
    Stats { leased: pools.leased(), ..stats }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.injector.close();
    }
}

/// Runs a future on this thread, with a runtime of default options made for it.
///
/// # Panics
///
/// When the machine lacks what a runtime needs, with the remedy; and as [`Runtime::block_on`].
///
/// # Examples
///
/// ```
/// assert_eq!(nestling_runtime::block_on(async { "done" }), "done");
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut runtime = match Runtime::alone(&Config::default(), None, None) {
        Ok(runtime) => runtime,
        Err(error) => panic!("the runtime could not be built: {error}"),
    };
    runtime.block_on(future)
}
