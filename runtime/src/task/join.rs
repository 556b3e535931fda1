//! `Join`: the right to a child's value.

use super::TaskRef;
use crate::scope::{self, Attached, Begun, Cancelled, JoinEdge, Why, may_hear};
use crate::tree::NodeId;
use crate::wake::{Waiter, budget, stay};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The handle of a child: awaits its end and takes its value. Dropping it discards the value, not
/// the child.
#[derive(Debug)]
pub struct Join<T> {
    cell: TaskRef,
    /// While the handle is awaited: where, and for which child.
    wait: Option<JoinEdge>,
    /// A reason to keep the task that awaits the handle.
    attached: Attached,
    begun: Option<Begun>,
    taken: bool,
    /// The child had ended already, when the turn was over.
    suspended: bool,
    value: PhantomData<T>,
}

// Nothing in here is pinned: the value lives in the cell until it is taken.
impl<T> Unpin for Join<T> {}

impl<T> Join<T> {
    /// # Safety
    ///
    /// The cell is new, and `T` is the type of its value.
    pub(crate) unsafe fn new(cell: TaskRef) -> Self {
        let attached = Attached::default();
        let (taken, suspended) = (false, false);
        Self { cell, wait: None, attached, begun: None, taken, suspended, value: PhantomData }
    }

    /// The child's scope.
    pub(crate) fn child(&self) -> NodeId {
        self.cell.id()
    }

    /// Whether the child has ended.
    pub fn is_finished(&self) -> bool {
        self.cell.ended()
    }
}

impl<T> Future for Join<T> {
    type Output = Result<T, Cancelled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.cell.ended() {
            self.begun.get_or_insert_with(Begun::now);
            let here = scope::current();
            // A handle may go on to be awaited elsewhere, such as after a timeout.
            if !self.wait.as_ref().is_some_and(|wait| here.is_some_and(|here| wait.is_from(here))) {
                let target = self.cell.id();
                self.wait = here.map(|here| JoinEdge::new(here, target));
            }
            drop(self.cell.set_joiner(Waiter::of(cx)));
            self.attached.polled(|| Why::Join(self.cell.id()), cx);
            return Poll::Pending;
        }
        assert!(!self.taken, "a join handle is not polled after its end");
        if self.wait.is_none() {
            let suspended = &mut self.suspended;
            ready!(budget::proceed_unless(scope::is_here_cancelled, suspended, cx));
        }
        self.wait = None;
        self.attached.clear();
        // SAFETY: this is the handle, the child has ended, and `new` was told the type.
        match unsafe { self.cell.take::<T>() } {
            Some(value) => {
                self.taken = true;
                Poll::Ready(Ok(value))
            }
            // If the code that awaits the handle is cancelled, its error is derived.
            None if may_hear(self.begun.unwrap_or_else(Begun::now)) => {
                self.taken = true;
                Poll::Ready(Err(self.cell.why()))
            }
            None => stay(cx),
        }
    }
}

impl<T> Drop for Join<T> {
    #[inline]
    fn drop(&mut self) {
        /// Lets go of the cell however the value's destructor ends.
        struct Release(TaskRef);
        impl Drop for Release {
            #[inline]
            fn drop(&mut self) {
                // SAFETY: this is the handle's last act, after the value was cleared.
                unsafe { self.0.release_handle() }
            }
        }
        let release = Release(self.cell);
        if release.0.ended() {
            // SAFETY: after the end the stage is the handle's; `T`, in our type, is alive.
            unsafe { release.0.clear() }
        } else if self.wait.is_some() {
            self.wait = None;
            drop(release.0.set_joiner(Waiter::Nobody));
        }
    }
}
