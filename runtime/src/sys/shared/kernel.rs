//! The kernel's part in waking a core, where there is no kernel: messages to rings, and doorbells.
//!
//! This kernel stands in for the real one under the model checker and under Miri, and in tests that
//! choose it. What is not itself checked is kept aside, for one model or for all threads.

use super::{AtomicBool, Mutex};
use crate::sys::eventfd;
use place::Condvar;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

/// What is posted: whose completion, and whether more of the same follow.
pub(crate) type Posted = (u64, bool);

/// What a model has the kernel do, and what it did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conduct {
    /// So many completions each end the poll, as when the completion queue overflows.
    pub(crate) ends: u32,
    /// Messages between rings are refused.
    pub(crate) refuses: bool,
    /// So many enters of the first ring find no memory.
    pub(crate) short: u32,
    /// Rings that were made.
    pub(crate) rings: u32,
    /// Times that a core was let sleep.
    pub(crate) sleeps: u32,
    /// Times that a doorbell was rung.
    pub(crate) doorbells: u32,
    /// Messages between rings that have arrived.
    pub(crate) messages: u32,
}

#[derive(Debug)]
struct Kernel {
    conduct: Conduct,
    open: BTreeMap<RawFd, Object>,
}

#[derive(Debug)]
enum Object {
    Ring(Weak<Port>),
    Doorbell(Weak<Doorbell>),
}

impl Kernel {
    const NEW: Self = Self {
        conduct: Conduct {
            ends: 0,
            refuses: false,
            short: 0,
            rings: 0,
            sleeps: 0,
            doorbells: 0,
            messages: 0,
        },
        open: BTreeMap::new(),
    };
}

#[cfg(loom)]
pub(crate) use place::boot;

/// One model runs on one thread of the machine, and its threads in turn.
#[cfg(loom)]
mod place {
    use super::{Conduct, Kernel};
    use std::cell::RefCell;

    pub(super) use crate::sys::shared::modelled::Condvar;

    std::thread_local! {
        static KERNEL: RefCell<Kernel> = const { RefCell::new(Kernel::NEW) };
    }

    pub(super) fn with<R>(f: impl FnOnce(&mut Kernel) -> R) -> R {
        KERNEL.with(|kernel| f(&mut kernel.borrow_mut()))
    }

    /// Starts anew.
    pub(crate) fn boot(conduct: Conduct) {
        with(|kernel| *kernel = Kernel { conduct, ..Kernel::NEW });
    }
}

/// Elsewhere all threads have the same.
#[cfg(not(loom))]
mod place {
    use super::Kernel;
    use std::sync::{Mutex, PoisonError};

    pub(super) use std::sync::Condvar;

    static KERNEL: Mutex<Kernel> = Mutex::new(Kernel::NEW);

    pub(super) fn with<R>(f: impl FnOnce(&mut Kernel) -> R) -> R {
        f(&mut KERNEL.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads or changes what the kernel does.
pub(crate) fn conduct<R>(f: impl FnOnce(&mut Conduct) -> R) -> R {
    place::with(|kernel| f(&mut kernel.conduct))
}

/// Where the kernel leaves what has happened for one ring.
#[derive(Debug)]
pub(crate) struct Port {
    posted: Mutex<Vec<Posted>>,
    due: AtomicBool,
    changed: Condvar,
}

impl Port {
    pub(crate) fn new() -> Arc<Self> {
        let (posted, due) = (Mutex::new(Vec::new()), AtomicBool::new(false));
        Arc::new(Self { posted, due, changed: Condvar::new() })
    }

    /// This is what a descriptor stands for.
    pub(crate) fn register(self: &Arc<Self>, fd: RawFd) {
        open(fd, Object::Ring(Arc::downgrade(self)));
    }

    pub(crate) fn post(&self, posted: Posted) {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).push(posted);
        self.due.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    pub(crate) fn is_due(&self) -> bool {
        self.due.load(Ordering::Acquire)
    }

    /// Takes what was posted; sleeps for so long, until there is something.
    pub(crate) fn take(&self, sleep: Duration) -> Vec<Posted> {
        if sleep.is_zero() && !self.is_due() {
            return Vec::new();
        }
        conduct(|conduct| conduct.sleeps += u32::from(!sleep.is_zero()));
        let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut over = sleep.is_zero();
        while posted.is_empty() && !over {
            let waited = self.changed.wait_timeout(posted, sleep);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            (posted, over) = (woken, timeout.timed_out());
        }
        self.due.store(false, Ordering::Relaxed);
        std::mem::take(&mut *posted)
    }
}

fn open(fd: RawFd, object: Object) {
    place::with(|kernel| kernel.open.insert(fd, object));
}

/// The ring behind a descriptor.
pub(crate) fn ring(fd: RawFd) -> Option<Arc<Port>> {
    place::with(|kernel| match kernel.open.get(&fd) {
        Some(Object::Ring(port)) => port.upgrade(),
        _ => None,
    })
}

/// Has a ring poll the doorbell behind a descriptor.
pub(crate) fn poll(fd: RawFd, port: &Arc<Port>, user_data: u64) {
    let doorbell = place::with(|kernel| match kernel.open.get(&fd) {
        Some(Object::Doorbell(doorbell)) => doorbell.upgrade(),
        _ => None,
    });
    let doorbell = doorbell.expect("nothing but a doorbell is polled");
    let mut state = doorbell.0.lock().unwrap_or_else(PoisonError::into_inner);
    state.poll = Some((Arc::clone(port), user_data));
    if state.written {
        state.complete();
    }
}

/// A counter that is never read, so that nothing but its first write shows.
#[derive(Debug)]
pub(crate) struct Doorbell(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    written: bool,
    poll: Option<(Arc<Port>, u64)>,
}

impl State {
    fn complete(&mut self) {
        let Some((port, user_data)) = &self.poll else { return };
        let ends = conduct(|conduct| {
            let ends = conduct.ends > 0;
            conduct.ends -= u32::from(ends);
            ends
        });
        port.post((*user_data, !ends));
        if ends {
            self.poll = None;
        }
    }
}

/// An event counter: the kernel's, or one without a kernel.
#[derive(Debug)]
pub(crate) enum EventFd {
    Real(eventfd::EventFd),
    Modelled(Arc<Doorbell>, RawFd),
}

impl EventFd {
    pub(crate) fn new() -> io::Result<Self> {
        eventfd::EventFd::new().map(Self::Real)
    }

    pub(crate) fn modelled() -> Self {
        let doorbell = Arc::new(Doorbell(Mutex::new(State::default())));
        let fd = place::with(|kernel| {
            let fd = 1 << 20 | kernel.open.len() as RawFd;
            kernel.open.insert(fd, Object::Doorbell(Arc::downgrade(&doorbell)));
            fd
        });
        Self::Modelled(doorbell, fd)
    }

    /// Adds one to the counter; the poll on the other side completes.
    pub(crate) fn signal(&self) {
        let doorbell = match self {
            Self::Real(real) => return real.signal(),
            Self::Modelled(doorbell, _) => doorbell,
        };
        conduct(|conduct| conduct.doorbells += 1);
        let mut state = doorbell.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.written = true;
        state.complete();
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Real(real) => real.as_raw_fd(),
            Self::Modelled(_, fd) => *fd,
        }
    }
}
