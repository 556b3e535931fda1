//! Starts a thread for each core, runs the same program on all, and joins them.

use super::stop::Stop;
use super::{Builder, Core};
use crate::cancel::CancelScope;
use crate::runtime::Runtime;
use crate::tree::Reason;
use std::any::Any;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// How a core ended badly.
enum Failure<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

/// What the threads share.
struct Shared<M, E> {
    main: M,
    stop: Stop,
    /// The first failure; a panic takes the place of an error.
    failure: Mutex<Option<Failure<E>>>,
}

impl<M, E> Shared<M, E> {
    fn fail(&self, failure: Failure<E>) {
        let mut first = self.failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match (&*first, &failure) {
            (None, _) | (Some(Failure::Error(_)), Failure::Panic(_)) => *first = Some(failure),
            (Some(_), _) => {}
        }
        drop(first);
        self.stop.stop();
    }
}

/// See [`Builder::run`].
pub(super) fn run<M, T, E>(builder: &Builder, main: M) -> Result<Vec<T>, E>
where
    M: AsyncFn(Core) -> Result<T, E> + Send + Sync + 'static,
    T: Send + 'static,
    E: From<io::Error> + Send + 'static,
{
    builder.check_name()?;
    let cores = builder.cores.choose()?;
    let shared = Arc::new(Shared { main, stop: Stop::default(), failure: Mutex::new(None) });
    let (report, reports) = channel();
    let mut starts = Vec::new();
    let mut threads = Vec::new();
    for core in cores {
        let (start, started) = channel();
        let thread = spawn(builder, core, Arc::clone(&shared), report.clone(), started);
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => drop(report.send(Err(error))),
        }
        starts.push(start);
    }
    drop(report);
    // A core that cannot start says so; one that panics while it tries, only hangs up.
    let ready: io::Result<Vec<()>> = reports.iter().collect();
    if ready.as_ref().is_ok_and(|ready| ready.len() == starts.len()) {
        for start in &starts {
            // A thread that is gone reports its end when it is joined.
            let _ = start.send(());
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
    // A thread's own panic is one of its start: its program's is caught.
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

/// Starts one core's thread. It says whether it is ready, and waits to be started.
fn spawn<M, T, E>(
    builder: &Builder,
    core: Core,
    shared: Arc<Shared<M, E>>,
    report: Sender<io::Result<()>>,
    started: Receiver<()>,
) -> io::Result<JoinHandle<Option<T>>>
where
    M: AsyncFn(Core) -> Result<T, E> + Send + Sync + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let Builder { config, pin, .. } = builder.clone();
    thread::Builder::new().name(format!("{}-{}", config.name, core.id)).spawn(move || {
        let pinned = if pin { core.pin() } else { Ok(()) };
        let built = pinned.and_then(|()| Runtime::new(&config)).map_err(|error| {
            io::Error::new(error.kind(), format!("core {} cannot start: {error}", core.id))
        });
        let mut runtime = match built {
            Ok(runtime) => {
                let _ = report.send(Ok(()));
                runtime
            }
            Err(error) => {
                let _ = report.send(Err(error));
                return None;
            }
        };
        drop(report);
        // Hung up: another core could not start.
        started.recv().ok()?;
        let run = || runtime.block_on(until_stopped(&shared.stop, (shared.main)(core)));
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Some(Ok(value))) => Some(value),
            Ok(None) => None,
            Ok(Some(Err(error))) => {
                shared.fail(Failure::Error(error));
                None
            }
            Err(payload) => {
                shared.fail(Failure::Panic(payload));
                None
            }
        }
    })
}

/// Runs a future until it ends or all cores are stopped; then it is cancelled, and cut.
async fn until_stopped<F: Future>(stop: &Stop, future: F) -> Option<F::Output> {
    let scope = CancelScope::new();
    let mut future = pin!(Some(future));
    let mut watching = false;
    poll_fn(|cx| {
        if !watching {
            watching = true;
            stop.watch(cx.waker().clone());
        }
        if stop.is_stopped() {
            scope.cancel(Reason::Failure);
        }
        scope.poll(future.as_mut(), cx)
    })
    .await
}
