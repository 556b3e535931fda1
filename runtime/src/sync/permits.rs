//! `Permits`: so many at a time, first come first served. Almost all of this module is made of it.
//!
//! A permit that comes free is handed to the waiter that waits longest, at once and not by a race:
//! no task overtakes, and while a waiter wants more than there is, the others wait behind. A waiter
//! that is cut leaves the line without a trace; if it was served already, the next one gets its
//! permits. A waiter that is cancelled, and yet to be cut, is passed over.

use super::permit_queue::{PermitQueue, Position};
use super::site::Site;
use crate::scope::poll_drop_point;
use crate::wake::{Waiter, budget, wake_all};
use std::cell::RefCell;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A number of permits, and the waiters for them.
#[derive(Debug)]
pub(super) struct Permits {
    state: RefCell<PermitQueue>,
    /// More than these are not kept.
    most: usize,
    /// A task is named by a number that means something on its own thread only.
    thread: PhantomData<*const ()>,
}

impl Permits {
    /// So many permits. Sums saturate: `usize::MAX` of them is as good as any number.
    pub(super) const fn new(free: usize) -> Self {
        Self::at_most(free, usize::MAX)
    }

    /// As [`new`](Self::new), and no more than `most` are kept when no task wants them.
    pub(super) const fn at_most(free: usize, most: usize) -> Self {
        Self { state: RefCell::new(PermitQueue::new(free)), most, thread: PhantomData }
    }

    /// Permits that no task holds.
    pub(super) fn free(&self) -> usize {
        self.state.borrow().free
    }

    /// Whether at least so many waiters were not served and are not cancelled.
    pub(super) fn has_waiting(&self, count: usize) -> bool {
        self.state.borrow_mut().queue.has(count)
    }

    /// Takes permits, unless the caller would have to wait, be it only for waiters in line.
    pub(super) fn try_take(&self, count: usize) -> Option<Held<'_>> {
        let taken = self.state.borrow_mut().try_take(count);
        let held = taken.then(|| Held { permits: self, count });
        self.wake_passed();
        held
    }

    /// Takes permits when it is its turn. The future joins the line with its first poll.
    pub(super) fn take(&self, count: usize) -> Take<'_> {
        Take { permits: self, count, place: Position::default() }
    }

    /// Adds permits, or brings them back.
    pub(super) fn give(&self, count: usize) {
        self.add(count);
        wake_all(self.served());
    }

    /// As [`give`](Self::give), but the caller has to wake the waiters that were
    /// [served](Self::served).
    pub(super) fn add(&self, count: usize) {
        self.state.borrow_mut().give(count, self.most);
    }

    /// Lets all waiters of now go on, without a permit.
    pub(super) fn let_all_go(&self) {
        let mut state = self.state.borrow_mut();
        while state.queue.first().is_some() {
            state.queue.serve(0);
        }
        drop(state);
        wake_all(self.served());
    }

    /// The waiters that are to be woken. Nothing is borrowed between two of them.
    pub(super) fn served(&self) -> impl Iterator<Item = Waiter> {
        std::iter::from_fn(|| self.state.borrow_mut().queue.next_to_wake())
    }

    /// Polls for permits with a place of the caller's; the caller has to [leave](Self::leave) it.
    pub(super) fn poll_take(
        &self,
        place: &mut Position,
        count: usize,
        cx: &Context<'_>,
    ) -> Poll<()> {
        if place.taken.take().is_some() {
            return Poll::Ready(());
        }
        let Some(key) = place.key else { return self.poll_first(place, count, cx) };
        if !self.is_served(key) {
            // The future may have been moved to another task. To keep a foreign waker runs foreign
            // code, and so does to drop the one before: either may serve us.
            let waiter = Waiter::of(cx);
            let before = self.state.borrow_mut().queue.register(key, waiter, Site::here());
            drop(before);
            // The waiter may have come back into the line; or be cancelled now, and hold up no
            // other.
            self.add(0);
            if !self.is_served(key) {
                self.wake_passed();
                // A waiter that was passed over joins the line again when it is polled elsewhere.
                ready!(poll_drop_point(cx));
                return Poll::Pending;
            }
        }
        // While the place is ours: should a destructor panic, what we were given is not lost.
        let before = self.state.borrow_mut().queue.take_waiter(key);
        drop(before);
        self.wake_passed();
        place.key = None;
        let nobody = self.state.borrow_mut().queue.remove(key);
        drop(nobody);
        Poll::Ready(())
    }

    fn poll_first(&self, place: &mut Position, count: usize, cx: &Context<'_>) -> Poll<()> {
        ready!(poll_drop_point(cx));
        let taken = self.state.borrow_mut().try_take(count);
        if taken {
            let polled = budget::proceed(cx);
            place.taken = polled.is_pending().then_some(count);
            return polled;
        }
        // Foreign code, outside the borrow. If it gave permits, we are served in the line.
        let waiter = Waiter::of(cx);
        let key = self.state.borrow_mut().queue.join_line(count, waiter, Site::here());
        place.key = Some(key);
        self.add(0);
        if self.is_served(key) {
            return self.poll_take(place, count, cx);
        }
        self.wake_passed();
        Poll::Pending
    }

    /// Wakes the waiters that a look at the line has passed over, and those behind them that it has
    /// served. There seldom are any.
    fn wake_passed(&self) {
        if self.state.borrow().queue.has_to_wake() {
            wake_all(self.served());
        }
    }

    fn is_served(&self, key: u32) -> bool {
        self.state.borrow().queue.given(key).is_some()
    }

    /// Leaves the line, and gives back what it was handed.
    pub(super) fn leave(&self, place: &mut Position) {
        if let Some(count) = place.taken.take() {
            return self.give(count);
        }
        let Some(key) = place.key.take() else { return };
        let mut state = self.state.borrow_mut();
        let given = state.queue.given(key).unwrap_or(0);
        let waiter = state.queue.remove(key);
        // Even if that is nothing: the entry may have held up the waiters behind it.
        state.give(given, self.most);
        drop(state);
        wake_all(self.served());
        drop(waiter);
    }
}

/// The future of [`Permits::take`].
#[derive(Debug)]
pub(super) struct Take<'a> {
    permits: &'a Permits,
    count: usize,
    place: Position,
}

impl<'a> Future for Take<'a> {
    type Output = Held<'a>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Held<'a>> {
        let Self { permits, count, place } = &mut *self;
        permits.poll_take(place, *count, cx).map(|()| Held { permits, count: *count })
    }
}

impl Drop for Take<'_> {
    fn drop(&mut self) {
        self.permits.leave(&mut self.place);
    }
}

/// Permits that come back when this is dropped.
#[derive(Debug)]
pub(super) struct Held<'a> {
    permits: &'a Permits,
    count: usize,
}

impl Held<'_> {
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes the permits for good: they do not come back.
    pub(super) fn forget(mut self) {
        self.count = 0;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.permits.give(self.count);
        }
    }
}
