//! Cancel scopes: carries a cancellation from the tree to the kernel and to the tasks.

use crate::inbox::{Injector, RemoteCancel};
use crate::instrument::{self, Event, Failure};
use crate::scope::{self, CancelWork, Cancelled, Closed, Poller};
use crate::task::Join;
use crate::tree::{self, NONE, NodeId, Reason};
use crate::wake::budget::lend;
use crate::wake::{Waiter, wake_all};
use crate::{context, driver};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Cancels a scope: marks all scopes below it, asks the kernel to cancel the operations that these
/// have in flight, and has each of their tasks polled once more.
pub(crate) fn cancel(scope: NodeId, reason: Reason) {
    wake_all(mark_and_withdraw(scope, reason));
}

/// As [`cancel`], but the caller has to wake what comes back.
fn mark_and_withdraw(scope: NodeId, reason: Reason) -> Vec<Waiter> {
    let CancelWork { first, ops, owners, listeners } = scope::cancel(scope, reason);
    if first
        && instrument::is_on()
        && let Some(scope) = scope::known(scope)
    {
        instrument::note(Event::Cancelled { scope, reason });
    }
    // No waiter is woken while the driver is borrowed, nor before all lists were read: a foreign
    // waker may drop operations, and with them the heads of lists.
    let mut woken = match driver::current().filter(|_| !ops.is_empty()) {
        Some(driver) => driver.borrow_mut().cancel_scopes(ops),
        None => Vec::new(),
    };
    woken.extend(owners);
    for listener in listeners {
        if let Some(waker) = scope::silence(listener) {
            scope::spare(listener);
            woken.push(Waiter::Foreign(waker));
        }
    }
    woken
}

/// Closes a scope. Operations in flight under it are cancelled, and belong to its parent from now
/// on.
#[inline]
pub(crate) fn close(scope: NodeId) {
    if !scope::close_simply(scope) {
        wake_all(take_apart_slowly(scope));
    }
}

/// Closes a scope. The caller has to wake the waiters of operations that never entered the kernel,
/// and what else comes back; mostly there are none.
#[inline]
pub(crate) fn take_apart(scope: NodeId) -> Option<Vec<Waiter>> {
    (!scope::close_simply(scope)).then(|| take_apart_slowly(scope))
}

#[cold]
#[inline(never)]
fn take_apart_slowly(scope: NodeId) -> Vec<Waiter> {
    // The scope around may lose its last counted reason. The task of that scope need not be the one
    // that runs now, also if the running code is inside the scope: another task can poll a nursery.
    let around = scope::counted_in(scope);
    let Closed { mut woken, overtaken } =
        scope::try_close(scope).unwrap_or_else(|| adopt_and_close(scope));
    around.into_iter().for_each(scope::look_again);
    for scope in overtaken {
        woken.extend(mark_and_withdraw(scope, Reason::Ancestor));
    }
    woken
}

#[cold]
fn adopt_and_close(scope: NodeId) -> Closed {
    let woken = match driver::current() {
        Some(driver) => driver.borrow_mut().adopt(scope),
        None => {
            // The runtime has ended, and with it all that was in flight.
            scope::end_op(scope, false, Some(NONE));
            Vec::new()
        }
    };
    let mut closed = scope::try_close(scope).unwrap_or_default();
    closed.woken.splice(..0, woken);
    closed
}

/// A part of the program that can be cancelled by itself: a node of the cancel-status tree, below
/// the scope that was current when it was made. Dropping it closes the scope.
#[derive(Debug)]
pub struct CancelScope(NodeId, OneThread);

/// Cancels a scope from elsewhere on the same core; harmless when the scope has closed.
#[derive(Debug, Clone, Copy)]
pub struct CancelHandle(NodeId, OneThread);

/// Neither `Send` nor `Sync`: on another thread the same number names another scope.
type OneThread = PhantomData<*const ()>;

impl CancelScope {
    /// Opens a scope below the current one.
    pub fn new() -> Self {
        Self(scope::new(scope::current()), PhantomData)
    }

    /// The scope of a node, to be closed with it.
    pub(crate) fn of_node(id: NodeId) -> Self {
        Self(id, PhantomData)
    }

    pub(crate) fn id(&self) -> NodeId {
        self.0
    }

    /// Runs `f` inside the scope.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = scope::enter(self.0);
        f()
    }

    /// Polls a future inside the scope. `Ready(None)`: the future was cut, because the scope was
    /// cancelled and nothing is to be delivered to it any more. When an outer scope was cancelled,
    /// the future is cut there.
    pub fn poll<F: Future>(
        &self,
        future: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<F::Output>> {
        self.poll_until(self.is_cut_here(), future, cx)
    }

    /// As [`poll`](Self::poll), but cuts the future here also when an outer scope was cancelled.
    pub fn poll_cut<F: Future>(
        &self,
        future: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<F::Output>> {
        self.poll_until(scope::is_in_cancelled(self.0), future, cx)
    }

    /// A poll that may be the last (`is_last`) has awaits of its own.
    fn poll_until<F: Future>(
        &self,
        is_last: bool,
        mut future: Pin<&mut Option<F>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<F::Output>> {
        let lent = is_last.then(|| {
            scope::begin(self.0, Poller::of(cx));
            lend()
        });
        let running = future.as_mut().as_pin_mut().expect("a future is not polled after its end");
        if let Poll::Ready(output) = self.run(|| running.poll(cx)) {
            return Poll::Ready(Some(output));
        }
        drop(lent);
        if !is_last || scope::is_part_kept(self.0, cx) {
            return Poll::Pending;
        }
        self.run(|| future.set(None));
        Poll::Ready(None)
    }

    /// Whether the scope was cancelled by itself: then its code is cut here, not with its task.
    fn is_cut_here(&self) -> bool {
        scope::is_cut_by_itself(self.0)
    }

    /// Cancels the scope and all below it. Sticky: the first reason is kept.
    pub fn cancel(&self, reason: Reason) {
        cancel(self.0, reason);
    }

    /// A handle that cancels the scope from elsewhere on this core.
    pub fn handle(&self) -> CancelHandle {
        CancelHandle(self.0, PhantomData)
    }

    /// Tells the instrument that the code that runs now has resolved to an error, in a nursery with
    /// this scope.
    pub fn tell_failure(&self, how: Failure) {
        let task = scope::current().and_then(scope::known);
        instrument::note(Event::Failed { nursery: self.0.outside(), task, how });
    }

    /// Why the scope counts as cancelled, if it does.
    pub fn reason(&self) -> Option<Reason> {
        scope::reason(self.0)
    }

    /// What an await says that ends because the scope is cancelled, if it is.
    pub fn cancellation(&self) -> Option<Cancelled> {
        scope::cancellation(self.0)
    }

    /// Whether nothing is in flight in the scope itself, or was left to it by scopes that closed.
    pub fn is_drained(&self) -> bool {
        !scope::has_ops(self.0)
    }
}

impl Default for CancelScope {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for CancelScope {
    fn drop(&mut self) {
        close(self.0);
    }
}

impl CancelHandle {
    /// A handle that cancels one child.
    pub fn of<T>(join: &Join<T>) -> Self {
        Self(join.child(), PhantomData)
    }

    /// Cancels the scope and all below it, if it is still open.
    pub fn cancel(&self, reason: Reason) {
        cancel(self.0, reason);
    }

    /// Whether the scope is cancelled, or closed.
    pub fn is_cancelled(&self) -> bool {
        !scope::is_open(self.0) || scope::is_in_cancelled(self.0)
    }
}

/// Cancels a scope from any thread; harmless when the scope has closed, or its core is gone.
#[derive(Debug, Clone)]
pub struct RemoteCancelHandle(Arc<RemoteCancel>);

impl RemoteCancelHandle {
    /// For a scope of that core.
    pub(crate) fn new(handle: &CancelHandle, core: Arc<Injector>) -> Self {
        Self(RemoteCancel::new(handle.0, core))
    }

    /// Cancels the scope and all below it, as its own [`CancelHandle`] does when asked to. If
    /// this thread does not run the core now, sends the core a message and wakes it; a core between
    /// two `block_on`s hears of it in the next.
    pub fn cancel(&self) {
        match context::is_current(self.0.core()) {
            true => cancel(self.0.scope(), Reason::Asked),
            false => self.0.send(),
        }
    }
}

/// Whether the code that runs now was cancelled: its next wait may be its end. Asking is no wait,
/// and no answer to the cancellation.
///
/// # Examples
///
/// ```
/// use nestling_runtime::lowlevel::{CancelScope, Reason, is_in_cancelled};
/// nestling_runtime::block_on(async {
///     let scope = CancelScope::new();
///     assert!(!scope.run(is_in_cancelled));
///     scope.cancel(Reason::Asked);
///     assert!(scope.run(is_in_cancelled));
/// });
/// ```
pub fn is_in_cancelled() -> bool {
    scope::is_here_cancelled()
}

/// Why the scope of the code that runs now counts as cancelled, if it does.
pub fn current_reason() -> Option<Reason> {
    scope::current().and_then(scope::reason)
}

/// What an await says that ends because the code that runs now is cancelled.
pub fn current_cancellation() -> Cancelled {
    scope::current().and_then(scope::cancellation).unwrap_or_default()
}

/// Counts an error that came of a cancellation; the nursery may drop it unseen.
pub fn count_derived() {
    if let Some(driver) = driver::current() {
        driver.borrow_mut().count_derived();
    }
}

/// Whether a cancellation was handed to the code that runs now, in its own scope.
pub fn was_delivered() -> bool {
    scope::current().is_some_and(scope::is_delivered)
}

/// Records that a cancellation is handed to the code that runs now: errors that come of it are
/// derived.
pub fn mark_delivered() {
    if let Some(here) = scope::current() {
        scope::mark_delivered(here);
    }
}

/// How many scopes and tasks of this thread cancelling has looked at so far: what it costs, without
/// a clock.
pub fn visits() -> u64 {
    tree::with(|tree| tree.visits())
}
