//! `Children`: the tasks of one nursery, polled where the nursery is polled.
//!
//! Children are never on a queue of the executor: whoever polls them holds a value whose type
//! contains what they borrow, so a nursery that is forgotten is never polled again.
//!
//! ```text
//!   spawn ─▶ ready list ─▶ poll in the child's scope ─┬─ ready ──▶ its cell's value
//!                 ▲                                    ├─ panic ──▶ Step::Panicked
//!                 │                                    └─ pending ┬─ cancelled, not kept ─▶ Cut
//!                 └────────────── wake ───────────────────────────┘
//! ```

use crate::cancel::{self, CancelScope};
use crate::scope;
use crate::task::{Join, Polled, TaskRef};
use crate::tree::{NodeId, Reason, SetId};
use crate::wake::{self, Injector, Local, Ready};
use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Context;

/// What a panic was thrown with.
pub type Payload = Box<dyn Any + Send>;

/// What comes out of polling a set of children. One that has resolved is nothing to act on.
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
    core: Arc<Injector>,
    alive: Cell<usize>,
    closed: Cell<bool>,
}

impl Children {
    /// No children yet, and a scope below the current one.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub fn new() -> Self {
        let core = wake::current_core().unwrap_or_else(|| {
            panic!("a nursery needs a nestling runtime: open it inside block_on or Builder::run")
        });
        let scope = CancelScope::new();
        let set = wake::new_set(scope.id());
        Self { scope, set, core, alive: Cell::new(0), closed: Cell::new(false) }
    }

    /// The task of the body: polled like a child, but kept by the nursery itself. It is ready.
    pub fn body(&self) -> Body {
        let added = wake::insert_task(self.scope.id(), self.set, std::ptr::null());
        let body = Body { core: Arc::clone(&self.core), scope: CancelScope::of_node(added.id) };
        added.owner.wake();
        body
    }

    /// The scope of the nursery, above those of its children.
    pub fn scope(&self) -> &CancelScope {
        &self.scope
    }

    /// Children that have not ended.
    pub fn len(&self) -> usize {
        self.alive.get()
    }

    /// Whether every child has ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a child. `finish` makes its value of its output, as part of its last poll; without one
    /// the handle says `Cancelled`. In a cancelled nursery the child is dropped unpolled.
    ///
    /// # Safety
    ///
    /// The set is dropped, or leaked and never polled again, before anything ends that `future`,
    /// `finish` or the value borrow.
    pub unsafe fn spawn<F, M, T>(&self, future: F, finish: M) -> Join<T>
    where
        F: Future,
        M: FnOnce(F::Output) -> Option<T>,
    {
        let cell = TaskRef::new(future, finish);
        // SAFETY: the cell is new, and this is the type of its value.
        let join = unsafe { Join::new(cell) };
        self.alive.set(self.alive.get() + 1);
        let added = wake::insert_task(self.scope.id(), self.set, cell.into_payload());
        cell.set_id(added.id);
        if added.cancelled || self.closed.get() {
            // SAFETY: the child was not polled; its borrows are alive, as the caller's are. Should
            // its destructor panic, that is the caller's, like any drop.
            unsafe { self.drop_future(cell) };
        }
        added.owner.wake();
        join
    }

    /// Polls what is ready, until nothing is or the turn's budget is spent; what is still ready
    /// then wakes whoever polls with `cx`. `act` is told what has happened, and polls the body.
    ///
    /// # Panics
    ///
    /// In another runtime than the one in which the set was made: its wakes would not arrive.
    ///
    /// # Safety
    ///
    /// All that the children borrow is alive.
    pub unsafe fn poll(&self, cx: &Context<'_>, act: &mut dyn FnMut(Step)) {
        assert!(
            wake::is_current(&self.core),
            "a nursery is polled in the runtime in which it was opened"
        );
        wake::open_set(self.set, cx);
        // Dropped on the way out of a panic only: after the last task the set rests already.
        let visit = Visit(self.set);
        while let Some(Ready { id, payload, cancelled }) = wake::next(self.set) {
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
        }
        mem::forget(visit);
    }

    /// Polls one child, in its scope and with its own waker.
    ///
    /// # Safety
    ///
    /// All that the child borrows is alive.
    #[inline]
    unsafe fn poll_child(&self, id: NodeId, cell: TaskRef, cancelled: bool) -> Option<Step> {
        let polled = if cancelled && !cell.started() {
            // Cancelled before it began: it never begins.
            Ok(Polled::Pending)
        } else {
            let _entered = scope::enter(id);
            let local = Local::new(id, &self.core);
            catch_unwind(AssertUnwindSafe(|| {
                local.lend(|waker| {
                    // SAFETY: this is the nursery's side, and the task is not gone, so the child
                    // has not ended; the rest is the caller's promise.
                    unsafe { cell.poll(&mut Context::from_waker(waker)) }
                })
            }))
        };
        match polled {
            Ok(Polled::Ended) => {
                // SAFETY: the future is gone, its value in place; this is the last use.
                unsafe { self.finish(cell) };
                None
            }
            // What is cancelled during its poll has been queued for its last one by that.
            Ok(Polled::Pending) if !cancelled || scope::is_kept(id) => None,
            // SAFETY: this is the nursery's side before the end; borrows: the caller's promise.
            Ok(Polled::Pending) => Some(unsafe { self.cut(cell) }),
            Err(payload) => {
                // SAFETY: as above. What the destructor throws as well, the panic hook has told.
                unsafe { self.drop_caught(cell) };
                Some(Step::Panicked(payload))
            }
        }
    }

    /// # Safety
    ///
    /// As [`drop_caught`](Self::drop_caught).
    #[cold]
    unsafe fn cut(&self, cell: TaskRef) -> Step {
        let reason = scope::reason(cell.id()).unwrap_or(Reason::Ancestor);
        // SAFETY: the caller's promise.
        match unsafe { self.drop_caught(cell) } {
            Some(payload) => Step::Panicked(payload),
            None => Step::Cut(reason),
        }
    }

    /// Drops a child's future and ends it; gives back what its destructor threw.
    ///
    /// # Safety
    ///
    /// The child has not ended, and all that it borrows is alive. The cell is not used afterwards.
    unsafe fn drop_caught(&self, cell: TaskRef) -> Option<Payload> {
        // SAFETY: the caller's promise.
        catch_unwind(AssertUnwindSafe(|| unsafe { self.drop_future(cell) })).err()
    }

    /// # Safety
    ///
    /// As [`drop_caught`](Self::drop_caught).
    unsafe fn drop_future(&self, cell: TaskRef) {
        /// Ends the child however its destructor ends.
        struct Finish<'a>(&'a Children, TaskRef);
        impl Drop for Finish<'_> {
            fn drop(&mut self) {
                // SAFETY: the future was dropped; this is the last use.
                unsafe { self.0.finish(self.1) }
            }
        }
        let finish = Finish(self, cell);
        let _entered = scope::enter(cell.id());
        // SAFETY: the nursery's side owns the stage until the end; borrows: the caller's promise.
        unsafe { finish.1.clear() };
    }

    /// # Safety
    ///
    /// The child's future is gone; the cell is not used afterwards.
    #[inline]
    unsafe fn finish(&self, cell: TaskRef) {
        self.alive.set(self.alive.get() - 1);
        let withdrawn = cancel::take_apart(cell.id());
        // SAFETY: the caller's promise.
        let joiner = unsafe { cell.end() };
        // Last: a foreign waker may do anything, and panic.
        joiner.wake();
        if !withdrawn.is_empty() {
            cancel::wake_all(withdrawn);
        }
    }

    /// Drops every child at once, and refuses new ones. Gives back the first panic of a destructor.
    ///
    /// # Safety
    ///
    /// All that the children borrow is alive.
    pub unsafe fn clear(&self) -> Option<Payload> {
        self.closed.set(true);
        let mut first = None;
        for task in scope::tasks(self.scope.id()) {
            let cell = wake::payload(task).and_then(TaskRef::from_payload);
            // A destructor before this one may have ended the child.
            let Some(cell) = cell else { continue };
            // SAFETY: a task that was not removed has a child that has not ended.
            let thrown = unsafe { self.drop_caught(cell) };
            first = first.or(thrown);
        }
        first
    }
}

impl Default for Children {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        if self.is_empty() {
            wake::remove_set(self.scope.id(), self.set);
        }
    }
}

/// Child zero: the scope and the waker of a nursery's body. Dropping it closes its scope, and what
/// is in flight there is the nursery's then.
#[derive(Debug)]
pub struct Body {
    core: Arc<Injector>,
    scope: CancelScope,
}

impl Body {
    /// The scope of the body.
    pub fn scope(&self) -> &CancelScope {
        &self.scope
    }

    /// Polls the body, in its scope and with its own waker.
    pub fn poll<R>(&self, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let task = self.scope.id();
        let _entered = scope::enter(task);
        Local::new(task, &self.core).lend(|waker| poll(&mut Context::from_waker(waker)))
    }
}

/// A set is open.
struct Visit(SetId);

impl Drop for Visit {
    fn drop(&mut self) {
        wake::budget::spend();
        wake::rest_set(self.0);
    }
}
