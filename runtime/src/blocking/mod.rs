//! Blocking calls: code that stops its thread runs on another one, and the core goes on.
//!
//! ```text
//!   a core's tasks ─▶ Admission: so many at a time, in order ─┐
//!                                                             ├─▶ Pool: queue ─▶ threads
//!   another core's ─▶ Admission ──────────────────────────────┘
//! ```
//!
//! A call is [offloaded work](crate::op::Offload): an entry of its core's in-flight table, so a
//! nursery waits for it as for an operation of the kernel.

mod call;
mod pool;

use crate::cancel::current_cancellation;
use crate::config::CALLS_PER_THREAD;
use crate::context;
use crate::fd::SharedFd;
use crate::op::{self, Offload};
use crate::sync::Semaphore;
use call::{Call, Run};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;

pub use call::Unfinished;
pub use pool::BlockingStats;
use pool::Lane;
pub(crate) use pool::{Pool, Threads};

/// The way of one core's calls into the pool. When that is full, calls wait in line for a place.
#[derive(Debug)]
pub(crate) struct Admission {
    pool: Pool,
    places: Semaphore,
}

impl Admission {
    pub(crate) fn new(pool: Pool) -> Rc<Self> {
        let places = Semaphore::new(pool.most().saturating_mul(CALLS_PER_THREAD));
        Rc::new(Self { pool, places })
    }
}

/// Runs `work` on a thread that may block, and waits for it. The first poll sends the work there,
/// or gets in line if the pool is full.
///
/// Cancelled, a call that has not begun is taken back; one that runs is waited for, and its value
/// delivered. When the future is dropped, likewise: the nursery around it waits, and the value is
/// dropped on the thread that made it.
///
/// A future that was polled and is forgotten (`mem::forget`) keeps its place in line for ever.
pub async fn blocking<T, F>(work: F) -> Result<T, Unfinished>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    named(&"a blocking call", None, Lane::Any, work).await
}

/// [`blocking`] for work that fails as I/O does; dumps and instruments call it by its name.
pub(crate) async fn blocking_io<T, F>(name: &'static &'static str, work: F) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    flatten(named(name, None, Lane::Any, work).await)
}

/// The same for work on a descriptor that only a server in user space ends, which gets its number:
/// that stays open until the work has ended, also when the future is dropped. It waits for one of
/// the threads apart, and for no place: those of other calls are freed by polls, and an operation
/// of the kernel, in whose place this is, needs none to end.
pub(crate) async fn blocking_on<T, F>(
    fd: &SharedFd,
    name: &'static &'static str,
    work: F,
) -> io::Result<T>
where
    T: Send + 'static,
    F: FnOnce(RawFd) -> io::Result<T> + Send + 'static,
{
    let number = fd.as_raw_fd();
    flatten(named(name, Some(fd.clone()), Lane::Server, move || work(number)).await)
}

fn flatten<T>(ended: Result<io::Result<T>, Unfinished>) -> io::Result<T> {
    match ended {
        Ok(ended) => ended,
        Err(Unfinished::Cancelled(cancelled)) => Err(cancelled.into()),
        Err(Unfinished::Refused(error)) => Err(error),
        Err(Unfinished::Panicked(payload)) => resume_unwind(payload),
    }
}

async fn named<T, F>(
    name: &'static &'static str,
    on: Option<SharedFd>,
    lane: Lane,
    work: F,
) -> Result<T, Unfinished>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let admission = context::with_core(|core| Rc::clone(&core.admission));
    let admission = admission.unwrap_or_else(|| {
        panic!("{name} needs a nestling runtime: call it inside block_on or Builder::run")
    });
    let _place = match lane {
        Lane::Any => Some(admission.places.acquire().await),
        Lane::Server => None,
    };
    let pool = admission.pool.clone();
    let call = Arc::new(Call::new(work));
    let sent = Arc::clone(&call);
    let offload = Offload::new(name, move |ticket| {
        match pool.send(lane, Arc::clone(&sent) as Arc<dyn Run>, ticket) {
            Ok(number) => Box::new(move |_| pool.recall(lane, number)),
            Err(error) => {
                sent.refuse(error);
                Box::new(|_| {})
            }
        }
    });
    let belonged = offload.on(on).await.map_err(Unfinished::Refused)?;
    let mut ended = call.take();
    if let Err(Unfinished::Cancelled(why)) = &mut ended {
        op::deliver_cancel(belonged);
        *why = current_cancellation();
    }
    ended
}
