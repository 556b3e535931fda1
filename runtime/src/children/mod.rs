//! `Children`: the tasks of one nursery, polled where the nursery is polled.
//!
//! Children are never on a queue of the executor: only their nursery's future polls them, and its
//! type contains what they borrow. So the children of a forgotten nursery are never polled again.
//!
//! ```text
//!   spawn ─▶ ready list ─▶ poll in the child's scope ─┬─ ready ──▶ its cell's value
//!                 ▲                                    ├─ panic ──▶ Step::Panicked
//!                 │                                    └─ pending ┬─ cancelled, not kept ─▶ Cut
//!                 └────────────── wake ───────────────────────────┘
//! ```

mod body;
mod ending;

use crate::cancel::{CancelScope, RemoteCancelHandle};
use crate::instrument::{self, Ending, Event, Polls};
use crate::label::Label;
use crate::scope::{self, Attached, Poller, Settled};
use crate::task::{Join, Polled, TaskRef};
use crate::tree::{NodeId, Ready, Reason, SetId};
use crate::wake::{self, Local};
use crate::{check, context, inbox, stall};
use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::task::Context;

pub use body::Body;

/// What a panic was thrown with.
pub type Payload = Box<dyn Any + Send>;

/// What comes out of polling a set of children. A child that has resolved makes no step.
#[derive(Debug)]
pub enum Step {
    /// The body is to be polled.
    Body,
    /// A child was dropped, because it was cancelled and nothing was to be delivered to it any
    /// more. The reason says if it was cancelled by itself, or with its nursery.
    Cut(Reason),
    /// A child's future or its destructor panicked.
    Panicked(Payload),
}

/// The children of one nursery.
#[derive(Debug)]
pub struct Children {
    scope: CancelScope,
    set: SetId,
    core: Arc<inbox::Injector>,
    alive: Cell<usize>,
    closed: Cell<bool>,
    /// What polls the children, while it does.
    owner: Cell<*const ()>,
    /// A reason to keep the task that polls the children.
    attached: Attached,
}

impl Children {
    /// No children yet, and a scope below the current one.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub fn new(label: Label) -> Self {
        let core = inbox::current().unwrap_or_else(|| {
            panic!("a nursery needs a nestling runtime: open it inside block_on or Builder::run")
        });
        let scope = CancelScope::new();
        let set = wake::new_set(scope.id(), label);
        if instrument::is_on() {
            let within = scope::current().and_then(scope::known);
            instrument::tell(Event::Opened { nursery: scope.id().outside(), within, label });
        }
        let (alive, closed, owner) = (Cell::new(0), Cell::new(false), Cell::new(ptr::null()));
        Self { scope, set, core, alive, closed, owner, attached: Attached::default() }
    }

    /// The task of the body: polled like a child, but kept by the nursery itself. It is ready.
    pub fn body(&self) -> Body {
        let added = wake::insert_task(self.scope.id(), self.set, ptr::null());
        let body = Body::new(Arc::clone(&self.core), CancelScope::of_node(added.id));
        if instrument::is_on() {
            self.tell_spawned(added.id, None);
        }
        added.owner.wake();
        body
    }

    #[cold]
    #[inline(never)]
    fn tell_spawned(&self, task: NodeId, cell: Option<TaskRef>) {
        let (task, nursery) = (task.outside(), Some(self.scope.id().outside()));
        let label = cell.map(|cell| cell.label());
        instrument::tell(Event::Spawned { task, nursery, label });
    }

    /// The scope of the nursery, above those of its children.
    pub fn scope(&self) -> &CancelScope {
        &self.scope
    }

    /// A handle that cancels the nursery from any thread. It knows the core, wherever it is made.
    pub fn remote(&self) -> RemoteCancelHandle {
        RemoteCancelHandle::new(&self.scope.handle(), Arc::clone(&self.core))
    }

    /// Children that have not ended.
    pub fn len(&self) -> usize {
        self.alive.get()
    }

    /// Whether every child has ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a child. `finish` makes its value of its output, as part of its last poll, and gets the
    /// owner of that poll; without a value the handle says `Cancelled`. In a cancelled nursery the
    /// child is dropped unpolled.
    ///
    /// # Safety
    ///
    /// The set is dropped, or leaked and never polled again, before anything ends that `future`,
    /// `finish` or the value borrow.
    pub unsafe fn spawn<F, M, T>(&self, future: F, finish: M, label: Label) -> Join<T>
    where
        F: Future,
        M: FnOnce(*const (), F::Output) -> Option<T>,
    {
        let cell = TaskRef::new(future, finish, label);
        // SAFETY: the cell is new, and this is the type of its value.
        let join = unsafe { Join::new(cell) };
        self.alive.set(self.alive.get() + 1);
        let added = wake::insert_task(self.scope.id(), self.set, cell.into_payload());
        cell.set_id(added.id);
        if instrument::is_on() {
            self.tell_spawned(added.id, Some(cell));
        }
        if added.cancelled || self.closed.get() {
            // SAFETY: the child was not polled; its borrows are alive, as the caller's are. Should
            // its destructor panic, that is the caller's, like any drop.
            unsafe { self.drop_future(cell, Ending::Unstarted) };
        }
        added.owner.wake();
        join
    }

    /// Polls what is ready, until nothing is or the turn's budget is spent. If children are still
    /// ready then, the waker of `cx` is woken. `act` is told what has happened, and polls the body.
    /// A child that ends hands `owner` to its `finish`: no child has to keep a pointer to it.
    ///
    /// # Panics
    ///
    /// In another runtime than the one in which the set was made: its wakes would not arrive.
    ///
    /// # Safety
    ///
    /// All that the children borrow is alive, and `owner` is what the `finish` of each child takes:
    /// it may use that as a pointer.
    pub unsafe fn poll(&self, cx: &Context<'_>, owner: *const (), act: &mut dyn FnMut(Step)) {
        assert!(
            context::is_current(&self.core),
            "a nursery is polled in the runtime in which it was opened"
        );
        self.owner.set(owner);
        wake::open_set(self.set, cx);
        // Dropped on the way out of a panic only: after the last task the set rests already.
        let visit = Visit(self.set);
        let ready = loop {
            let Ready { id, payload, cancelled } = match wake::next(self.set) {
                Ok(task) => task,
                Err(ready) => break ready,
            };
            match TaskRef::from_payload(payload) {
                None => act(Step::Body),
                Some(cell) => {
                    // SAFETY: the caller's promise.
                    if let Some(step) = unsafe { self.poll_child(id, cell, cancelled) } {
                        act(step);
                    }
                }
            }
            wake::budget::spend();
        };
        mem::forget(visit);
        if ready || scope::has_notes() {
            self.settle(ready, cx);
        }
    }

    /// The ready children were polled, or the turn is over (`ready`): notes whether the task around
    /// is kept for the children, and has children that are not kept polled once more.
    #[cold]
    fn settle(&self, ready: bool, cx: &Context<'_>) {
        let Settled { why, let_go } = scope::settle(self.scope.id(), ready);
        match why {
            // Children that are ready or let go are polled in the next visit, or never.
            Some(why) => {
                let poller = if ready { Poller::TASK } else { Poller::of(cx) };
                self.attached.note_set(why, poller, self.set);
            }
            None => self.attached.clear(),
        }
        let_go.into_iter().for_each(wake::wake);
    }

    /// Polls one child, in its scope and with its own waker.
    ///
    /// # Safety
    ///
    /// All that the child borrows is alive, and the owner is what its `finish` takes.
    #[inline]
    unsafe fn poll_child(&self, id: NodeId, cell: TaskRef, cancelled: bool) -> Option<Step> {
        if instrument::looks_at_polls() {
            // SAFETY: the caller's promise.
            return unsafe { self.poll_told(id, cell, cancelled) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.poll_as::<false>(id, cell, cancelled) }
    }

    /// # Safety
    ///
    /// As [`poll_child`](Self::poll_child).
    #[cold]
    #[inline(never)]
    unsafe fn poll_told(&self, id: NodeId, cell: TaskRef, cancelled: bool) -> Option<Step> {
        // SAFETY: the caller's promise.
        unsafe { self.poll_as::<true>(id, cell, cancelled) }
    }

    /// Polls one child. `TOLD`: an instrument is told and the poll is timed. Two functions, so that
    /// a poll without an instrument costs nothing.
    ///
    /// # Safety
    ///
    /// As [`poll_child`](Self::poll_child).
    #[inline(always)]
    unsafe fn poll_as<const TOLD: bool>(
        &self,
        id: NodeId,
        cell: TaskRef,
        cancelled: bool,
    ) -> Option<Step> {
        let polled = if cancelled && !cell.started() {
            // Cancelled before it began: it never begins.
            Ok(Polled::Pending)
        } else {
            scope::begin(id, Poller::TASK);
            let _lent = cancelled.then(wake::budget::lend);
            let _entered = scope::enter(id);
            let local = Local::new(id, &self.core);
            let polls = Polls::default();
            let mut timed = None;
            if TOLD {
                polls.start(id);
                timed = stall::begin(id, || Some(cell.label()));
            }
            let polled = catch_unwind(AssertUnwindSafe(|| {
                local.lend(|waker| {
                    // SAFETY: this is the nursery's side, and the task is not gone, so the child
                    // has not ended; the rest is the caller's promise.
                    unsafe { cell.poll(&mut Context::from_waker(waker), self.owner.get()) }
                })
            }));
            if TOLD {
                drop(timed);
                polls.end(id);
            }
            scope::end(id);
            polled
        };
        match polled {
            Ok(Polled::Ended { value }) => {
                let how = if value { Ending::Returned } else { Ending::Failed };
                // SAFETY: the future is gone, its value in place; this is the last use.
                unsafe { self.finish(cell, how) };
                None
            }
            // A child that is cancelled during its poll was queued by the cancel for its last one.
            Ok(Polled::Pending) if !cancelled || scope::is_kept(id) => None,
            // SAFETY: this is the nursery's side before the end; borrows: the caller's promise.
            Ok(Polled::Pending) => Some(unsafe { self.cut(cell) }),
            Err(payload) => {
                // SAFETY: as above. The panic hook has told of a second panic, of the destructor.
                unsafe { self.drop_caught(cell, Ending::Panicked) };
                Some(Step::Panicked(payload))
            }
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        if self.is_empty() {
            wake::remove_set(self.scope.id(), self.set);
            debug_assert!(check::nursery(self.scope.id()));
            if instrument::is_on() {
                instrument::tell(Event::Closed { nursery: self.scope.id().outside() });
            }
        }
    }
}

/// The visit of a nursery to its set, which is open until this is dropped.
struct Visit(SetId);

impl Drop for Visit {
    fn drop(&mut self) {
        wake::budget::spend();
        _ = wake::rest_set(self.0);
    }
}
