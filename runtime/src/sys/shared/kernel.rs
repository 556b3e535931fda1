//! The kernel's part in waking a core, for the model checker: what is posted to a ring, and bells.
//!
//! One model runs on one thread of the machine, and its threads in turn, so what is not itself
//! checked is kept in std's thread-locals.

use super::modelled::{AtomicBool, Mutex, lock};
use loom::sync::Condvar;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};

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
    /// Times that a bell was rung.
    pub(crate) bells: u32,
    /// Messages between rings that have arrived.
    pub(crate) messages: u32,
}

#[derive(Debug, Default)]
struct Kernel {
    conduct: Conduct,
    open: BTreeMap<RawFd, Object>,
}

#[derive(Debug)]
enum Object {
    Ring(Weak<Port>),
    Bell(Weak<Bell>),
}

std::thread_local! {
    static KERNEL: RefCell<Kernel> = RefCell::default();
}

/// Starts anew.
pub(crate) fn boot(conduct: Conduct) {
    KERNEL.with(|kernel| *kernel.borrow_mut() = Kernel { conduct, open: BTreeMap::new() });
}

/// Reads or changes what the kernel does.
pub(crate) fn conduct<R>(f: impl FnOnce(&mut Conduct) -> R) -> R {
    KERNEL.with(|kernel| f(&mut kernel.borrow_mut().conduct))
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
        lock(&self.posted).push(posted);
        self.due.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    pub(crate) fn is_due(&self) -> bool {
        self.due.load(Ordering::Acquire)
    }

    /// Takes what was posted; sleeps until there is something, if asked to.
    pub(crate) fn take(&self, sleep: bool) -> Vec<Posted> {
        if !sleep && !self.is_due() {
            return Vec::new();
        }
        conduct(|conduct| conduct.sleeps += u32::from(sleep));
        let mut posted = lock(&self.posted);
        while sleep && posted.is_empty() {
            posted = self.changed.wait(posted).unwrap_or_else(PoisonError::into_inner);
        }
        self.due.store(false, Ordering::Relaxed);
        std::mem::take(&mut *posted)
    }
}

fn open(fd: RawFd, object: Object) {
    KERNEL.with(|kernel| kernel.borrow_mut().open.insert(fd, object));
}

/// The ring behind a descriptor.
pub(crate) fn ring(fd: RawFd) -> Option<Arc<Port>> {
    KERNEL.with(|kernel| match kernel.borrow().open.get(&fd) {
        Some(Object::Ring(port)) => port.upgrade(),
        _ => None,
    })
}

/// Has a ring poll the bell behind a descriptor.
pub(crate) fn poll(fd: RawFd, port: &Arc<Port>, user_data: u64) {
    let bell = KERNEL.with(|kernel| match kernel.borrow().open.get(&fd) {
        Some(Object::Bell(bell)) => bell.upgrade(),
        _ => None,
    });
    let bell = bell.expect("nothing but a bell is polled");
    let mut state = lock(&bell.0);
    state.poll = Some((Arc::clone(port), user_data));
    if state.written {
        state.complete();
    }
}

/// A counter that is never read, so that nothing but its first write shows.
#[derive(Debug)]
struct Bell(Mutex<State>);

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

/// An event counter.
#[derive(Debug)]
pub(crate) struct EventFd(Arc<Bell>, RawFd);

impl EventFd {
    #[expect(clippy::unnecessary_wraps, reason = "the real one may fail")]
    pub(crate) fn new() -> io::Result<Self> {
        let bell = Arc::new(Bell(Mutex::new(State::default())));
        let fd = KERNEL.with(|kernel| 1 << 20 | kernel.borrow().open.len() as RawFd);
        open(fd, Object::Bell(Arc::downgrade(&bell)));
        Ok(Self(bell, fd))
    }

    /// Adds one to the counter; the poll on the other side completes.
    pub(crate) fn signal(&self) {
        conduct(|conduct| conduct.bells += 1);
        let mut state = lock(&self.0.0);
        state.written = true;
        state.complete();
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.1
    }
}
