//! `Children`: the tasks of one nursery, polled where the nursery is polled.
//!
//! Children are never on a queue of the executor: whoever polls them holds a value whose type
//! contains what they borrow, so a nursery that is forgotten is never polled again.
//!
//! ```text
//!   spawn ─▶ ready list ─▶ poll in the child's scope ─┬─ ready ──▶ Ended::Finished
//!                 ▲                                    ├─ panic ──▶ Ended::Panicked
//!                 │                                    └─ pending ┬─ cancelled, not kept ─▶ Cut
//!                 └────────────── wake ───────────────────────────┘
//! ```

use crate::cancel::{self, CancelScope};
use crate::scope::{self, Owner};
use crate::task::{Join, Polled, TaskRef};
use crate::wake::{self, Injector, Local, Next, SetId, TaskId};
use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Context;

/// What a panic was thrown with.
pub type Payload = Box<dyn Any + Send>;

/// What comes out of polling a set of children.
#[derive(Debug)]
pub enum Step {
    /// The body is to be polled.
    Body,
    /// A child has ended.
    Ended(Ended),
}

/// How a child ended.
#[derive(Debug)]
pub enum Ended {
    /// Its future resolved.
    Finished,
    /// It was dropped, because it was cancelled and nothing was to be delivered to it any more.
    Cut,
    /// Its future or its destructor panicked.
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
        let set = wake::new_set();
        scope.set_owner(set);
        Self { scope, set, core, alive: Cell::new(0), closed: Cell::new(false) }
    }

    /// The task of the body: polled like a child, but kept by the nursery itself. It is ready.
    pub fn body(&self) -> Body {
        let scope = CancelScope::below(self.scope.id());
        let task = wake::insert_task(self.set, std::ptr::null());
        scope::set_owner(scope.id(), Owner::Task(task));
        wake::wake(task);
        Body { task, core: Arc::clone(&self.core), scope }
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
        let scope = scope::new(Some(self.scope.id()));
        let cell = TaskRef::new(future, finish, scope);
        // SAFETY: the cell is new, and this is the type of its value.
        let join = unsafe { Join::new(cell) };
        self.alive.set(self.alive.get() + 1);
        if self.closed.get() || scope::is_in_cancelled(scope) {
            // SAFETY: the child was not polled and has no task; its borrows are alive, as the
            // caller's are. Should its destructor panic, that is the caller's, like any drop.
            unsafe { self.drop_future(cell) };
            return join;
        }
        let task = wake::insert_task(self.set, cell.into_payload());
        cell.set_task(task);
        scope::set_owner(scope, Owner::Task(task));
        wake::wake(task);
        join
    }

    /// Starts a visit: the set's owner polls, and is woken through `cx` afterwards.
    pub fn visit(&self, cx: &Context<'_>) -> Visit<'_> {
        wake::open_set(self.set, cx);
        Visit { children: self }
    }

    /// Polls one child, in its scope and with its own waker.
    ///
    /// # Safety
    ///
    /// All that the child borrows is alive.
    unsafe fn poll_child(&self, task: TaskId, cell: TaskRef) -> Option<Ended> {
        let scope = cell.scope();
        let polled = if !cell.started() && scope::is_in_cancelled(scope) {
            // Cancelled before it began: it never begins.
            Ok(Polled::Pending)
        } else {
            let _entered = scope::enter(scope);
            let local = Local::new(task, &self.core);
            catch_unwind(AssertUnwindSafe(|| {
                local.lend(|waker| {
                    // SAFETY: this is the nursery's side, and the task was not removed, so the
                    // child has not ended; the rest is the caller's promise.
                    unsafe { cell.poll(&mut Context::from_waker(waker)) }
                })
            }))
        };
        let ended = match polled {
            Ok(Polled::Pending) if !scope::is_in_cancelled(scope) || scope::is_kept(scope) => {
                return None;
            }
            Ok(Polled::Pending) => Ended::Cut,
            Ok(Polled::Ended) => Ended::Finished,
            Err(payload) => Ended::Panicked(payload),
        };
        if let Ended::Finished = ended {
            // SAFETY: the future is gone, its value in place; this is the last use.
            unsafe { self.finish(cell) };
            return Some(ended);
        }
        // SAFETY: this is the nursery's side before the end; the borrows are the caller's promise.
        match unsafe { self.drop_caught(cell) } {
            Some(payload) if !matches!(ended, Ended::Panicked(_)) => Some(Ended::Panicked(payload)),
            _ => Some(ended),
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
        // Before its destructor runs, the child has left the set: what that does finds it gone.
        if let Some(task) = cell.task() {
            wake::remove_task(task);
        }
        let finish = Finish(self, cell);
        let _entered = scope::enter(cell.scope());
        // SAFETY: the nursery's side owns the stage until the end; borrows: the caller's promise.
        unsafe { finish.1.clear() };
    }

    /// # Safety
    ///
    /// The child's future is gone; the cell is not used afterwards.
    unsafe fn finish(&self, cell: TaskRef) {
        let scope = cell.scope();
        if let Some(task) = cell.task() {
            wake::remove_task(task);
        }
        self.alive.set(self.alive.get() - 1);
        // SAFETY: the caller's promise.
        let joiner = unsafe { cell.end() };
        cancel::close(scope);
        joiner.wake();
    }

    /// Drops every child at once, and refuses new ones. Gives back the first panic of a destructor.
    ///
    /// # Safety
    ///
    /// All that the children borrow is alive.
    pub unsafe fn clear(&self) -> Option<Payload> {
        self.closed.set(true);
        let mut first = None;
        for scope in scope::children(self.scope.id()) {
            let Owner::Task(task) = scope::owner(scope) else { continue };
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
            wake::remove_set(self.set);
        }
    }
}

/// Child zero: the scope and the waker of a nursery's body. Dropping it closes its scope, and what
/// is in flight there is the nursery's then.
#[derive(Debug)]
pub struct Body {
    task: TaskId,
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
        let _entered = scope::enter(self.scope.id());
        Local::new(self.task, &self.core).lend(|waker| poll(&mut Context::from_waker(waker)))
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        wake::remove_task(self.task);
    }
}

/// One poll of a nursery. When it ends, what is still ready wakes the nursery again.
#[derive(Debug)]
pub struct Visit<'a> {
    children: &'a Children,
}

impl Visit<'_> {
    /// Polls ready children until something has happened; `None` when nothing is ready, or the
    /// turn's budget is spent.
    ///
    /// # Safety
    ///
    /// All that the children borrow is alive.
    pub unsafe fn next(&mut self) -> Option<Step> {
        loop {
            let Next::Task(task, payload) = wake::next(self.children.set) else { return None };
            let Some(cell) = TaskRef::from_payload(payload) else { return Some(Step::Body) };
            // SAFETY: the caller's promise.
            if let Some(ended) = unsafe { self.children.poll_child(task, cell) } {
                return Some(Step::Ended(ended));
            }
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        wake::rest_set(self.children.set);
    }
}
