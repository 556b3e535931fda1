//! `Running`: one process, from its start until it is reaped.

use super::spawning::{Started, Stopping};
use crate::driver::{self, OpInfo, Orphan, TimerKey};
use crate::fd::RawTarget;
use crate::inbox::{self, Ticket};
use crate::ring::{Completion, Interest, Request};
use crate::scope;
use crate::sys::{self, ForkGuard};
use crate::wake::Waiter;
use std::fmt;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{self, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// A process of this core. Its state is behind a lock because the waker of its timer has to be able
/// to go to any thread; it does not.
#[derive(Debug)]
pub(super) struct Running {
    id: u32,
    stopping: Stopping,
    of: ForkGuard,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    child: process::Child,
    /// Closed at its end, also if its `Child` was forgotten.
    pidfd: Option<OwnedFd>,
    /// How it has ended, or the error of the attempt to ask; then it is reaped.
    ended: Option<Result<ExitStatus, i32>>,
    /// We have asked the process to end.
    stopped: bool,
    /// Ends the grace.
    kill: Option<TimerKey>,
    /// What waits for the end: its scope, and waits by number.
    scope: Option<Ticket>,
    waits: Vec<(u64, Ticket)>,
    numbered: u64,
}

impl State {
    fn new(child: process::Child, pidfd: OwnedFd) -> Self {
        Self {
            child,
            pidfd: Some(pidfd),
            ended: None,
            stopped: false,
            kill: None,
            scope: None,
            waits: Vec::new(),
            numbered: 0,
        }
    }
}

/// The entry by which the scope has the process.
struct InScope;

impl Orphan for InScope {
    fn dispose(self: Box<Self>, _: Completion) -> bool {
        // The process has its own status.
        true
    }
}

/// The entry by which the ring watches the process.
struct Watched(Arc<Running>);

impl Orphan for Watched {
    fn dispose(self: Box<Self>, completion: Completion) -> bool {
        self.0.end(completion.is_success());
        true
    }
}

impl Running {
    /// A process belongs to the current scope from now on.
    ///
    /// # Errors
    ///
    /// There is no room for the operations that this takes. The process was killed and reaped.
    pub(super) fn new(started: Started, stopping: Stopping) -> io::Result<Arc<Self>> {
        let driver = driver::expect_current("a process");
        let core = inbox::current().expect("a driver runs on a core");
        driver.borrow().room()?;
        let (child, pidfd) = started.into_parts();
        let (id, of) = (child.id(), ForkGuard::new());
        let on = RawTarget::Descriptor(pidfd.as_raw_fd());
        let state = Mutex::new(State::new(child, pidfd));
        let this = Arc::new(Self { id, stopping, of, state });

        let info = OpInfo::new(&"process", Some(on));
        let process = Arc::clone(&this);
        let recall = Box::new(move |_| process.stop_soon());
        let scope = scope::current();
        let orphan = Box::new(InScope);
        let key = driver.borrow_mut().submit_offloaded_detached(info, scope, orphan, recall);
        this.lock().scope = Some(Ticket::new(core, key));
        if let Err(error) = driver.borrow().room() {
            this.give_up();
            return Err(error);
        }
        let watched = Box::new(Watched(Arc::clone(&this)));
        let (request, info) = (
            Request::Poll { on, interest: Interest::Readable },
            OpInfo::new(&"end of a process", Some(on)),
        );
        // SAFETY: a poll has no pointers.
        unsafe { driver.borrow_mut().submit_detached(request, info, None, watched) };
        Ok(this)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&self) -> Option<io::Result<ExitStatus>> {
        self.lock()
            .ended
            .map(|ended| ended.map_err(|code| lost(format_args!("process {}", self.id), code)))
    }

    /// Whether it was asked to end, by us.
    pub(super) fn was_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Sends a signal to the process, or to its group.
    ///
    /// # Errors
    ///
    /// The process has ended; there is no such signal; the signal may not be sent, because the
    /// process runs as another user.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        self.send(&self.lock(), signal)
    }

    /// While the state is locked, the process is not reaped: its number is its own.
    fn send(&self, state: &State, signal: i32) -> io::Result<()> {
        match &state.pidfd {
            Some(pidfd) if self.stopping.whole_group => {
                // A process that has left its group, and was the last in it, is reached by itself.
                sys::signal_group(self.id, signal).or_else(|_| sys::signal_process(pidfd, signal))
            }
            Some(pidfd) => sys::signal_process(pidfd, signal),
            None => {
                let text = format!("process {} has ended", self.id);
                Err(io::Error::new(io::ErrorKind::NotFound, text))
            }
        }
    }

    /// Asks the process to end, and ends it after the grace.
    pub(super) fn stop(self: &Arc<Self>) {
        if self.of.forked() {
            // The process is the parent's.
            return;
        }
        let mut state = self.lock();
        if state.ended.is_some() || mem::replace(&mut state.stopped, true) {
            return;
        }
        // The process may be ending, or be another user's: then nothing is left to do but to wait.
        let _ = self.send(&state, self.stopping.signal);
        let Some(driver) = driver::current() else {
            // Its core has broken down.
            drop(state);
            return self.give_up();
        };
        let grace = self.stopping.grace.as_nanos().try_into().unwrap_or(u64::MAX);
        let mut driver = driver.borrow_mut();
        let deadline = driver.now().saturating_add(grace);
        let waker = Waiter::Foreign(Waker::from(Arc::clone(self)));
        state.kill = Some(driver.arm(deadline, waker));
    }

    /// As [`stop`](Self::stop), in the next turn: for a recall, which is called while the driver is
    /// borrowed.
    pub(super) fn stop_soon(self: &Arc<Self>) {
        let this = Arc::clone(self);
        if let Some(core) = inbox::current() {
            core.run(move || this.stop());
        }
    }

    /// Tells of the end by dropping a ticket, now if it has come. The number is for
    /// [`forget`](Self::forget).
    pub(super) fn tell(&self, ticket: Ticket) -> u64 {
        let mut state = self.lock();
        state.numbered += 1;
        let number = state.numbered;
        if state.ended.is_none() {
            state.waits.push((number, ticket));
        }
        number
    }

    /// What waits under this number does so no more: drops its ticket.
    pub(super) fn forget(&self, number: u64) {
        let mut state = self.lock();
        let at = state.waits.iter().position(|(waiting, _)| *waiting == number);
        let ticket = at.map(|at| state.waits.swap_remove(at));
        drop(state);
        drop(ticket);
    }

    /// Ends it at once and waits for that, which takes as long as the kernel does.
    fn give_up(&self) {
        let _ = self.signal(libc::SIGKILL);
        self.end(false);
    }

    /// The process has ended; or the ring could not watch it (`is_told` is false), and nothing else
    /// will tell of its end.
    fn end(&self, is_told: bool) {
        let mut state = self.lock();
        if self.stopping.whole_group || !is_told {
            // What is left of its group, whose number nothing else can have yet.
            let _ = self.send(&state, libc::SIGKILL);
        }
        state.ended = Some(reap(&mut state.child).map_err(|error| code(&error)));
        state.pidfd = None;
        let kill = state.kill.take();
        let (scope, waits) = (state.scope.take(), mem::take(&mut state.waits));
        drop(state);
        if let (Some(kill), Some(driver)) = (kill, driver::current()) {
            let waiter = driver.borrow_mut().disarm(kill);
            drop(waiter);
        }
        drop((scope, waits));
    }
}

/// The grace is over.
impl Wake for Running {
    fn wake(self: Arc<Self>) {
        let mut state = self.lock();
        state.kill = None;
        let _ = self.send(&state, libc::SIGKILL);
    }
}

/// Takes the status of a process that has ended, or is about to.
fn reap(child: &mut process::Child) -> io::Result<ExitStatus> {
    match child.try_wait()? {
        Some(status) => Ok(status),
        None => child.wait(),
    }
}

fn code(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}

/// The status of a process was not to be had.
pub(super) fn lost(which: fmt::Arguments<'_>, code: i32) -> io::Error {
    let error = io::Error::from_raw_os_error(code);
    let remedy = match code {
        libc::ECHILD => {
            "; something else in this program has taken it: it ignores SIGCHLD, or waits for every \
             child (waitpid with -1). Have it do neither"
        }
        _ => "",
    };
    let text = format!("{which} has ended, and its status is lost: {error}{remedy}");
    io::Error::new(error.kind(), text)
}
