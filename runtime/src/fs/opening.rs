//! Opens files, also those that wait, without keeping the core from other files.
//!
//! ```text
//!   it is in the kernel's caches ──▶ open on the spot, not to wait ─┐
//!                                                                   │ as below
//!                      it is no FIFO, or the other end is there     ▼
//!   open, not to wait ──────────────────────────────────────────▶ opened
//!     │ a FIFO to read from                                         ▲
//!     ├────────────▶ opened, but: poll it, and open it again ───────┤ a writer came
//!     │ a FIFO to write to, or a lease                              │
//!     └────────────▶ wait in line ──▶ open, on a worker ────────────┘ someone came
//! ```
//!
//! A file that the ring would open on the spot is opened without the ring, which takes less time
//! (measured on 6.18, with the read and the close of a small file: see `benches/small_files.rs`).
//!
//! The kernel itself would open a FIFO at once or wait for the other end, depending on what its
//! caches hold; and each open that waits has one of its threads. A few dozen would have them all,
//! and every other open, look and removal of the core would wait behind them.

use super::mounts::{self, Looked, Way};
use crate::config::WAITING_OPENS;
use crate::context;
use crate::fd::{Closing, SharedFd};
use crate::op::{Op, OpHandle, Open, Place, PollOp, Statx};
use crate::ring::{Interest, OpenHow};
use crate::scope;
use crate::sync::Semaphore;
use crate::sys::{self, Known};
use crate::time::sleep;
use crate::wake::budget;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// The line of the opens that wait for someone. One for each core.
#[derive(Debug)]
pub(crate) struct Waiting(Semaphore);

impl Waiting {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self(Semaphore::new(WAITING_OPENS)))
    }

    fn of_this_core() -> Rc<Self> {
        let line = context::with_core(|core| Rc::clone(&core.opens));
        line.expect("an open that has found a FIFO ran on a core")
    }
}

/// How often an open that waits in line looks whether it would still have to wait.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How often an open is tried again that met a rename on its way.
const RETRIES: usize = 32;

fn flags(names: libc::c_int) -> u64 {
    names as u64
}

/// An open file, and what was seen of it after the open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) fd: SharedFd,
    /// Or why nothing is.
    pub(super) known: io::Result<Known>,
    /// Of what was opened out of the kernel's caches: no server was asked for it.
    pub(super) length: Option<u64>,
    /// How it is read and written, as far as is known.
    pub(super) way: Way,
    /// Whether the file still has `O_NONBLOCK`, which is to be taken away before the ring has it.
    pub(super) is_unwaiting: bool,
}

impl Opened {
    fn new(fd: SharedFd, known: io::Result<Known>, looked: Looked) -> Self {
        let way = match &known {
            Ok(known) => mounts::way(&fd, known, looked),
            // A pipe would keep a thread.
            Err(_) if sys::is_pipe(&fd) => Way::Worker,
            Err(_) => Way::Pool,
        };
        if let Ok(known) = &known
            && known.kind != libc::S_IFSOCK
        {
            // What the ring does on the spot is closed there, too, unless a close has work to do.
            let is_there = known.kind == libc::S_IFREG && way == Way::Ring;
            let at_once = is_there && !mounts::is_flushed(known);
            fd.set_closing(if at_once { Closing::AtOnce } else { Closing::ByRing });
        }
        Self { fd, known, length: None, way, is_unwaiting: false }
    }

    /// What was opened elsewhere; looked at on the spot.
    pub(super) fn of(fd: SharedFd) -> Self {
        let known = sys::known(&fd);
        Self::new(fd, known, Looked::LongAgo)
    }

    /// What was opened out of the kernel's caches.
    fn cached(fd: SharedFd) -> Self {
        let (known, length) = sys::known_and_length(&fd)
            .map_or_else(|error| (Err(error), None), |(known, length)| (Ok(known), Some(length)));
        Self { length, ..Self::new(fd, known, Looked::ForIt) }
    }
}

/// What the ring has opened. Where a server may have to be asked, a thread of the kernel's looks at
/// it, too.
pub(super) async fn seen(opened: io::Result<SharedFd>, origin: Origin) -> io::Result<Opened> {
    let fd = opened?;
    let known = if !mounts::may_be_served() && origin == Origin::Here {
        sys::known(&fd)
    } else if scope::is_here_cancelled() {
        // Nothing begins any more, and what was opened is to be delivered.
        Err(scope::Cancelled::new().into())
    } else {
        // On the heap: most opens have no need of it.
        Box::pin(Statx::of_open(fd.clone())).await.map(|found| Known::of(&found))
    };
    Ok(Opened::new(fd, known, Looked::ForIt))
}

/// Opens what is there. Without `O_NONBLOCK` it waits for the other end of a FIFO, but the core
/// does not.
pub(super) async fn open(at: Place, how: OpenHow, origin: Origin) -> io::Result<Opened> {
    let how = OpenHow { flags: how.flags | flags(libc::O_CLOEXEC), ..how };
    if how.flags & flags(libc::O_NONBLOCK | libc::O_PATH) != 0 {
        return seen(begin::<false>(at, how, origin).await, origin).await;
    }
    let opened = match at_once(&at, unwaiting(how), origin).await {
        Some(opened) => opened,
        None => seen(begin::<false>(at.clone(), unwaiting(how), origin).await, origin).await,
    };
    match opened {
        Ok(file) => ready(file, how).await,
        Err(error) if may_wait(&error, &at).await? => {
            seen(wait(at, how, origin).await, origin).await
        }
        Err(error) => Err(error),
    }
}

/// Where a path begins, or leads through: whether a server may be there of which the list of mounts
/// says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Where the process looks for paths, as far as is known.
    Here,
    Elsewhere,
}

/// Opens what the kernel has in its caches, so that neither a disk nor a server is asked. `None`:
/// the ring is to open it.
async fn at_once(at: &Place, how: OpenHow, origin: Origin) -> Option<io::Result<Opened>> {
    const WORK: libc::c_int = libc::O_CREAT | libc::O_TRUNC | libc::O_TMPFILE & !libc::O_DIRECTORY;
    if origin != Origin::Here || how.flags & flags(WORK) != 0 || !may_open().await {
        return None;
    }
    match sys::open_cached(at.dir(), at.text(), (how.flags, how.mode, how.resolve)) {
        Ok(fd) => Some(Ok(Opened::cached(SharedFd::new(fd)))),
        // The whole answer: another attempt would be one more in an audit.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EACCES)) => {
            Some(Err(error))
        }
        // The ring gives the whole answer: it waits for the disk, for one.
        Err(_) => None,
    }
}

/// As [`may_call`], for an open, which no mount may have ask a server. These are looked at first,
/// and after each wait: nothing is between that and the open.
async fn may_open() -> bool {
    let mut call = pin!(may_call());
    poll_fn(|cx| match mounts::may_be_served() {
        true => Poll::Ready(false),
        false => call.as_mut().poll(cx),
    })
    .await
}

/// Asked before a system call in the place of an operation: the call has its part in the budget.
/// Tells if the call may be made: in cancelled code, and outside a core, the operation does what is
/// right.
pub(super) async fn may_call() -> bool {
    budget::works();
    budget::consume().await;
    context::is_core() && !scope::is_here_cancelled()
}

/// One attempt; on a thread of the kernel's where a server may be asked.
pub(super) fn begin<const WAITS: bool>(at: Place, how: OpenHow, origin: Origin) -> Op<Open<WAITS>> {
    Open::new(at, how, origin == Origin::Elsewhere || mounts::may_be_served())
}

/// The same way to open, changed so that the open does not wait.
fn unwaiting(how: OpenHow) -> OpenHow {
    OpenHow { flags: how.flags | flags(libc::O_NONBLOCK), ..how }
}

/// Whether the open fails only because it was not to wait.
async fn may_wait(error: &io::Error, at: &Place) -> io::Result<bool> {
    match error.raw_os_error() {
        // A lease, or a path that was changed meanwhile.
        Some(libc::EAGAIN) => Ok(true),
        // A FIFO that nothing reads; or a device that is not there.
        Some(libc::ENXIO) => {
            let found = Statx::new(at.clone(), 0).await?;
            Ok(u32::from(found.stx_mode) & libc::S_IFMT == libc::S_IFIFO)
        }
        _ => Ok(false),
    }
}

/// With a file that is open already, waits for what a blocking open would have waited for.
async fn ready(mut file: Opened, how: OpenHow) -> io::Result<Opened> {
    let kind = match file.known {
        Ok(known) => known.kind,
        // The file was open when the cancel came. A FIFO is not: its other end may be missing.
        Err(ref error) if scope::is_cancelled(error) && !sys::is_pipe(&file.fd) => 0,
        Err(error) => return Err(error),
    };
    if kind == libc::S_IFREG {
        file.is_unwaiting = true;
        return Ok(file);
    }
    sys::set_nonblocking(&file.fd, false)?;
    let writes = how.flags & flags(libc::O_ACCMODE) != flags(libc::O_RDONLY);
    if kind == libc::S_IFIFO && !writes {
        // On the heap: FIFOs are rare, and futures that only may meet one shall stay small.
        Box::pin(writer(&file.fd)).await?;
    }
    Ok(file)
}

/// Waits for a writer of a FIFO, by a poll and by a second open. The poll sees what a writer has
/// written, or that it has gone; the open sees that a writer comes. Only the open needs a worker:
/// with all workers taken, the poll goes on.
async fn writer(fifo: &SharedFd) -> io::Result<()> {
    let how = OpenHow { flags: flags(libc::O_RDONLY | libc::O_CLOEXEC), mode: 0, resolve: 0 };
    let mut poll = PollOp::new(fifo.clone(), Interest::Readable);
    let line = Waiting::of_this_core();
    let place = match first(&mut poll, pin!(line.0.acquire())).await {
        First::Polled(told) => return told,
        First::Other(place) => place,
    };
    let mut again = begin::<true>(Place::of_open(fifo.clone()), how, Origin::Here);
    let told = match first(&mut poll, Pin::new(&mut again)).await {
        First::Other(opened) => return opened.map(drop),
        First::Polled(told) => told,
    };
    // The second open counts as a reader: a writer that comes when `fifo` is closed must not meet
    // it.
    if again.flight().is_some_and(OpHandle::interrupt) {
        let _ = again.await;
    }
    drop(place);
    told
}

/// What came first.
enum First<T> {
    Polled(io::Result<()>),
    Other(T),
}

async fn first<F: Future>(poll: &mut Op<PollOp>, mut other: Pin<&mut F>) -> First<F::Output> {
    poll_fn(|cx| match Pin::new(&mut *poll).poll(cx) {
        Poll::Ready(told) => Poll::Ready(First::Polled(told)),
        Poll::Pending => other.as_mut().poll(cx).map(First::Other),
    })
    .await
}

/// Opens on one of the kernel's threads, which may wait there; stands in line for the thread. The
/// other end may come while this is in line, and go on only when the file is open: so an open in
/// line looks now and then.
async fn wait(at: Place, how: OpenHow, origin: Origin) -> io::Result<SharedFd> {
    let line = Waiting::of_this_core();
    let mut place = pin!(line.0.acquire());
    loop {
        let mut pause = pin!(sleep(LOOK_AGAIN));
        let place = poll_fn(|cx| match place.as_mut().poll(cx) {
            Poll::Ready(place) => Poll::Ready(Some(place)),
            Poll::Pending => pause.as_mut().poll(cx).map(|()| None),
        });
        if let Some(_place) = place.await {
            return anew::<true>(at, how, origin).await;
        }
        match begin::<false>(at.clone(), unwaiting(how), origin).await {
            Ok(file) => {
                sys::set_nonblocking(&file, false)?;
                return Ok(file);
            }
            // The open would still wait.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::ENXIO)) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Opens what does not wait for anyone, such as a directory.
pub(super) async fn open_anew(at: Place, how: OpenHow, origin: Origin) -> io::Result<Opened> {
    match at_once(&at, how, origin).await {
        Some(opened) => opened,
        None => seen(anew::<false>(at, how, origin).await, origin).await,
    }
}

/// Opens, and again if something on the way was renamed meanwhile: the kernel cannot tell then
/// whether the path has stayed below its directory.
async fn anew<const WAITS: bool>(at: Place, how: OpenHow, origin: Origin) -> io::Result<SharedFd> {
    let mut retries = RETRIES;
    loop {
        match begin::<WAITS>(at.clone(), how, origin).await {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) && retries > 0 => retries -= 1,
            ended => return ended,
        }
    }
}
