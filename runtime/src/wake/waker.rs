//! The `std::task::Waker` of a task: borrowed during a poll, counted once it is cloned.
//!
//! A poll lends its context a waker that is only a pointer to the poll's stack: no count, no
//! allocation. A clone of it is an `Arc` that names the task by number and knows the way to its
//! core, so the clone can be kept for ever, used on any thread and outlive the runtime.

use super::ready;
use crate::context;
use crate::inbox::{Injector, RemoteWake};
use crate::tree::NodeId;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Wake, Waker};

/// What a poll's own waker points to.
#[derive(Debug)]
pub(crate) struct Local<'core> {
    task: NodeId,
    core: &'core Arc<Injector>,
}

impl<'core> Local<'core> {
    pub(crate) fn new(task: NodeId, core: &'core Arc<Injector>) -> Self {
        Self { task, core }
    }

    /// Runs `f` with a waker for this task.
    pub(crate) fn lend<R>(&self, f: impl FnOnce(&Waker) -> R) -> R {
        let raw = RawWaker::new((&raw const *self).cast(), &LOCAL);
        // SAFETY: the table's functions take the pointer for a `Local`, which lives until `f` has
        // returned; `f` gets a reference only, so no copy of the pointer outlives it.
        let waker = ManuallyDrop::new(unsafe { Waker::from_raw(raw) });
        f(&waker)
    }

    /// The task of a waker that a poll on this thread has lent.
    pub(crate) fn task_of(waker: &Waker) -> Option<NodeId> {
        if !std::ptr::eq(waker.vtable(), &LOCAL) {
            return None;
        }
        // SAFETY: the table is ours, so the pointer is a `Local` that lives while it is lent.
        let local = unsafe { &*waker.data().cast::<Local<'_>>() };
        // A waker lent on another thread can only get here through a scoped thread.
        context::is_current(local.core).then_some(local.task)
    }

    fn to_remote(&self) -> Arc<RemoteWake> {
        RemoteWake::new(self.task, Arc::clone(self.core))
    }
}

static LOCAL: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_nothing);

/// # Safety
///
/// `data` comes from [`Local::lend`], during it.
unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the caller's promise; a `Local` holds nothing that is bound to a thread.
    let local = unsafe { &*data.cast::<Local<'_>>() };
    let waker = ManuallyDrop::new(Waker::from(local.to_remote()));
    RawWaker::new(waker.data(), waker.vtable())
}

/// # Safety
///
/// Never called: a lent waker is only ever borrowed, and `wake` takes it by value.
unsafe fn wake(data: *const ()) {
    // SAFETY: the caller's promise.
    unsafe { wake_by_ref(data) }
}

/// # Safety
///
/// `data` comes from [`Local::lend`], during it.
unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the caller's promise; a `Local` holds nothing that is bound to a thread.
    let local = unsafe { &*data.cast::<Local<'_>>() };
    if context::is_current(local.core) {
        ready::wake(local.task);
    } else {
        local.to_remote().wake();
    }
}

/// # Safety
///
/// None: a lent waker owns nothing.
unsafe fn drop_nothing(_: *const ()) {}

/// A task's waker that any code on any thread may keep.
impl Wake for RemoteWake {
    fn wake(self: Arc<Self>) {
        Self::wake_by_ref(&self);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if context::is_current(self.core()) {
            ready::wake(self.task());
        } else {
            self.send();
        }
    }
}
