//! Starts a thread for each core, runs the same program on all, and joins them.

use super::choice::paid;
use super::host::{Ended, host};
use super::stop::Stop;
use super::{Builder, Core};
use crate::blocking::{Pool, Threads};
use crate::config::{Config, SPIN};
use crate::diagnosis::{Facts, Refusal, thread as no_thread};
use crate::inbox::{Peer, Team};
use crate::metrics::Metrics;
use crate::runtime::Runtime;
use crate::stall::Watchdog;
use crate::sys::shared::AtomicUsize;
use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How a core ended badly.
enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

/// What the threads share.
pub(crate) struct Shared<M, E> {
    main: M,
    /// A core has failed: the others are cancelled.
    stop: Stop,
    /// Cores whose program has not ended.
    running: AtomicUsize,
    /// All programs have ended: no core sends remote children any more.
    over: Stop,
    /// The first failure; a panic takes the place of an error.
    failure: Mutex<Option<Failure<E>>>,
}

impl<M, E> Shared<M, E> {
    /// Before so many cores have started.
    pub(crate) fn new(main: M, cores: usize) -> Arc<Self> {
        Arc::new(Self {
            main,
            stop: Stop::default(),
            running: AtomicUsize::new(cores),
            over: Stop::default(),
            failure: Mutex::new(None),
        })
    }

    fn fail(&self, failure: Failure<E>) {
        let mut first = self.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match (&*first, &failure) {
            (None, _) | (Some(Failure::Error(_)), Failure::Panic(_)) => *first = Some(failure),
            (Some(_), _) => {}
        }
        drop(first);
        self.stop.stop();
    }

    /// Notes how the program of one core ended; gives back what it returned.
    fn note<T>(&self, ended: Ended<Result<T, E>>) -> Option<T> {
        match ended {
            Ok(Some(Ok(value))) => return Some(value),
            Ok(None) => {}
            Ok(Some(Err(error))) => self.fail(Failure::Error(error)),
            Err(payload) => self.fail(Failure::Panic(payload)),
        }
        None
    }
}

/// A core whose program runs. When the last of these is dropped, the run is over.
struct Running<M, E>(Arc<Shared<M, E>>);

impl<M, E> Drop for Running<M, E> {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.over.stop();
        }
    }
}

/// What a core that is ready reports: its index, and how the others reach it.
type Ready = io::Result<(usize, Peer)>;

/// See [`Builder::run`].
pub(super) fn run<M, T, E>(builder: &Builder, main: M) -> Result<Vec<T>, E>
where
    M: AsyncFn(Core) -> Result<T, E> + Send + Sync + 'static,
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    builder.check()?;
    let cores = builder.cores.choose()?;
    let builders: Vec<_> = cores.iter().map(|core| (*core, builder.of(*core))).collect();
    builders.iter().try_for_each(|(_, builder)| builder.check())?;
    // Cores that share processors do not keep each other from them.
    let spin = if cores.len() <= paid() { SPIN } else { Duration::ZERO };
    let shared = Shared::new(main, cores.len());
    let blocking = Threads::new(&builder.config);
    let watchdog = builder.watchdog()?.map(Arc::new);
    builder.metrics.iter().for_each(|metrics| metrics.add_pool(blocking.pool()));
    let (report, reports) = channel();
    let mut starts = Vec::new();
    let mut threads = Vec::new();
    for (core, builder) in builders {
        let (start, started) = channel();
        let config = builder.config(if builder.pin { spin } else { Duration::ZERO });
        let own = (core, config, builder.pin);
        let helpers = (blocking.pool(), watchdog.clone(), builder.metrics.clone());
        let thread = spawn(own, helpers, Arc::clone(&shared), report.clone(), started);
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                let error = no_thread(&error, &Facts::read());
                drop(report.send(Err(cannot_start(core, &error))));
            }
        }
        starts.push(start);
    }
    drop(report);
    // A core that cannot start reports that; a core that panics on the way only hangs up.
    let ready: io::Result<BTreeMap<usize, Peer>> = reports.iter().collect();
    let ready = ready.map(|ready| {
        let all = ready.len() == starts.len();
        all.then(|| Team::new(ready.into_values().collect()))
    });
    if let Ok(Some(team)) = &ready {
        for start in &starts {
            // A thread that is gone reports its end when it is joined.
            let _ = start.send(Arc::clone(team));
        }
    }
    drop(starts);
    let results: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
    ready?;
    finish(&shared, results)
}

fn finish<M, T, E>(
    shared: &Shared<M, E>,
    results: Vec<thread::Result<Option<T>>>,
) -> Result<Vec<T>, E> {
    // If a thread panics, its start did: a panic of its program is caught.
    let values: thread::Result<Vec<_>> = results.into_iter().collect();
    let values = values.unwrap_or_else(|payload| resume_unwind(payload));
    let failure = shared.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    match failure {
        Some(Failure::Panic(payload)) => resume_unwind(payload),
        Some(Failure::Error(error)) => Err(error),
        None => {
            let values = values.into_iter();
            Ok(values.map(|value| value.expect("a core is only cut when one failed")).collect())
        }
    }
}

fn cannot_start(core: Core, error: &io::Error) -> io::Error {
    Refusal::at(&format!("core {} cannot start", core.id), error)
}

/// What serves all cores: the threads for blocking calls, the watchdog for stalls, and the metrics.
type Helpers = (Pool, Option<Arc<Watchdog>>, Option<Metrics>);

/// Starts one core's thread. It says whether it is ready, and waits to be started.
fn spawn<M, T, E>(
    (core, config, pin): (Core, Config, bool),
    (pool, watchdog, metrics): Helpers,
    shared: Arc<Shared<M, E>>,
    report: Sender<Ready>,
    started: Receiver<Arc<Team>>,
) -> io::Result<JoinHandle<Option<T>>>
where
    M: AsyncFn(Core) -> Result<T, E> + Send + Sync + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    thread::Builder::new().name(format!("{}-{}", config.name, core.id)).spawn(move || {
        let pinned = if pin { core.pin() } else { Ok(()) };
        let built = pinned.and_then(|()| {
            let mut runtime = Runtime::new(&config, pool)?;
            watchdog.iter().for_each(|watchdog| runtime.watch(watchdog));
            metrics.iter().for_each(|metrics| runtime.report(core.index, metrics));
            let peer = runtime.as_peer()?;
            Ok((runtime, peer))
        });
        let mut runtime = match built {
            Ok((runtime, peer)) => {
                let _ = report.send(Ok((core.index, peer)));
                runtime
            }
            Err(error) => {
                let _ = report.send(Err(cannot_start(core, &error)));
                return None;
            }
        };
        drop(report);
        // Hung up: another core could not start.
        let team = started.recv().ok()?;
        serve(&mut runtime, core, team, &shared)
    })
}

/// Runs the program on one core, which is ready like all others; gives back what it returned.
pub(crate) fn serve<M, T, E>(
    runtime: &mut Runtime,
    core: Core,
    team: Arc<Team>,
    shared: &Arc<Shared<M, E>>,
) -> Option<T>
where
    M: AsyncFn(Core) -> Result<T, E>,
{
    runtime.join(team, core.index);
    let mut value = None;
    let running = Running(Arc::clone(shared));
    let done = |ended| {
        value = shared.note(ended);
        drop(running);
    };
    let host = host((shared.main)(core), &shared.stop, &shared.over, done);
    let ran = catch_unwind(AssertUnwindSafe(|| runtime.block_on(host)));
    runtime.leave();
    if let Err(payload) = ran {
        // The core itself, not its program.
        shared.fail(Failure::Panic(payload));
    }
    value
}
