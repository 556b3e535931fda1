//! `Context`: what a thread has for its core and its tasks, reached by one look-up.
//!
//! ```text
//!            ┌ core ────── driver, injector, team, admission: moved in by `enter`, and back
//!   Context ─┤
//!            └ the rest ── scopes, tasks, budget, instrument: the thread keeps them
//! ```
//!
//! The core is one value, which its runtime keeps while the thread does not run it. The rest
//! belongs to the thread: tasks may be polled outside a core, or go on in another runtime.
//!
//! Every module may reach its own part from here, whatever its layer; the types of the parts keep
//! their fields to themselves.

use crate::blocking::Admission;
use crate::counters::Counters;
use crate::driver::DriverRef;
use crate::fd::{self, Closer};
use crate::fs;
use crate::inbox::{Injector, Member};
use crate::io::Pipes;
use crate::pool::Pools;
use crate::remote_children::RemoteChildren;
use crate::stall::Watched;
use crate::tree::NodeId;
use crate::{instrument, op, scope, stall, task, tree, wake};
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;

/// What one thread keeps for its core and its tasks.
pub(crate) struct Context {
    pub(crate) tree: tree::PerThread,
    pub(crate) scope: scope::PerThread,
    pub(crate) wake: wake::PerThread,
    pub(crate) task: task::PerThread,
    pub(crate) instrument: instrument::PerThread,
    pub(crate) stall: stall::PerThread,
    pub(crate) op: op::PerThread,
    pub(crate) fd: fd::PerThread,
    core: RefCell<Option<Core>>,
    /// The address of the core's injector: every wake asks whether its core runs here.
    injector: Cell<*const Injector>,
}

/// One core, as the code that it runs reaches it.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) driver: DriverRef,
    pub(crate) injector: Arc<Injector>,
    /// What receives take their buffers from.
    pub(crate) pools: Rc<Pools>,
    /// The task that the event loop polls.
    pub(crate) root: Option<NodeId>,
    /// What this core counts.
    pub(crate) counters: Arc<Counters>,
    /// Where blocking calls are sent.
    pub(crate) admission: Rc<Admission>,
    /// The opens that wait for another process or thread, such as the writer of a FIFO.
    pub(crate) opens: Rc<fs::Waiting>,
    /// What is known of the mounts on which files are opened.
    pub(crate) mounts: Rc<fs::Mounts>,
    /// What closes the descriptors of this core.
    pub(crate) closer: Closer,
    /// What bytes go through from socket to socket.
    pub(crate) pipes: Rc<Pipes>,
    /// The other cores of the same program.
    pub(crate) team: Option<Member>,
    /// Where the polls of this core are timed, if they are.
    pub(crate) watched: Option<Arc<Watched>>,
    /// The children that other cores have sent here.
    pub(crate) remote_children: Option<Rc<RemoteChildren>>,
}

thread_local! {
    // Never destroyed, so that destructors of other thread-locals can still ask: `Entered` empties
    // what belongs to a core, and `trim` the tables.
    static CONTEXT: ManuallyDrop<Context> = const {
        ManuallyDrop::new(Context {
            tree: tree::PerThread::new(),
            scope: scope::PerThread::new(),
            wake: wake::PerThread::new(),
            task: task::PerThread::new(),
            instrument: instrument::PerThread::new(),
            stall: stall::PerThread::new(),
            op: op::PerThread::new(),
            fd: fd::PerThread::new(),
            core: RefCell::new(None),
            injector: Cell::new(std::ptr::null()),
        })
    };
}

/// Works on the context of this thread.
#[inline(always)]
pub(crate) fn with<R>(f: impl FnOnce(&Context) -> R) -> R {
    CONTEXT.with(|context| f(context))
}

/// Looks at the core that this thread runs, if it runs one.
#[inline]
pub(crate) fn with_core<R>(f: impl FnOnce(&Core) -> R) -> Option<R> {
    with(|context| context.core.borrow().as_ref().map(f))
}

/// Changes the core that this thread runs, if it runs one. Nothing foreign may run inside.
pub(crate) fn change_core<R>(f: impl FnOnce(&mut Core) -> R) -> Option<R> {
    with(|context| context.core.borrow_mut().as_mut().map(f))
}

/// Whether this thread runs a core.
#[inline]
pub(crate) fn is_core() -> bool {
    with(|context| !context.injector.get().is_null())
}

/// Whether this thread runs the core of that injector.
#[inline]
pub(crate) fn is_current(injector: &Arc<Injector>) -> bool {
    with(|context| context.injector.get() == Arc::as_ptr(injector))
}

/// This thread runs a core until the guard goes, which puts the core back where it was. `None` if
/// the thread runs one already.
pub(crate) fn enter(home: &RefCell<Option<Core>>) -> Option<Entered<'_>> {
    with(|context| {
        let mut current = context.core.borrow_mut();
        if current.is_some() {
            return None;
        }
        let core = home.take().expect("a core that no thread runs is at home");
        instrument::time_polls(core.watched.is_some());
        context.injector.set(Arc::as_ptr(&core.injector));
        *current = Some(core);
        Some(Entered { home })
    })
}

/// The guard by which this thread runs a core.
#[derive(Debug)]
pub(crate) struct Entered<'runtime> {
    home: &'runtime RefCell<Option<Core>>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        instrument::time_polls(false);
        let core = with(|context| {
            context.injector.set(std::ptr::null());
            context.core.take()
        });
        self.home.replace(core);
    }
}
