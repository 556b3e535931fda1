//! `PermitQueue`: permits, and which waiters wait for some, in which order. Whether it is shared by
//! tasks or by threads is its owner's choice.

use super::queue::Queue;
use super::site::Site;
use crate::wake::{Waiter, budget};

/// A number of permits, and the queue for them.
#[derive(Debug)]
pub(super) struct PermitQueue {
    pub(super) free: usize,
    pub(super) queue: Queue,
}

/// A place in a line, or none yet.
#[derive(Debug, Default)]
pub(super) struct Position {
    pub(super) key: Option<u32>,
    /// So many permits were free and were taken, but the turn was over: they are handed on with the
    /// next poll.
    pub(super) taken: Option<usize>,
}

impl Position {
    /// Whether nothing has been waited for yet.
    pub(super) fn is_none(&self) -> bool {
        self.key.is_none() && self.taken.is_none()
    }
}

impl PermitQueue {
    pub(super) const fn new(free: usize) -> Self {
        Self { free, queue: Queue::new() }
    }

    /// Takes permits, unless there are too few, or a task waits that is not cancelled.
    pub(super) fn try_take(&mut self, count: usize) -> bool {
        let fits = count <= self.free && self.queue.first().is_none();
        if fits {
            self.free -= count;
        }
        fits
    }

    /// Adds permits, of which no more than `most` are kept, and serves the waiters for which they
    /// suffice.
    pub(super) fn give(&mut self, count: usize, most: usize) {
        self.free = self.free.saturating_add(count).min(most);
        while let Some(wants) = self.queue.first_for(self.free) {
            self.free -= wants;
            self.queue.serve(wants);
        }
    }

    /// Takes the permit that was handed to a place, which then is none any more; without one, a
    /// permit that is free, if the turn goes on. The waiter of the place comes back.
    pub(super) fn claim(&mut self, place: &mut Position) -> Option<Waiter> {
        if let Some(key) = place.key {
            self.queue.given(key)?;
            place.key = None;
            return Some(self.queue.remove(key));
        }
        if place.taken.take().is_none() {
            if !self.try_take(1) {
                return None;
            }
            if !budget::may_return() {
                place.taken = Some(1);
                return None;
            }
        }
        Some(Waiter::Nobody)
    }

    /// Waits for a permit at that place, with this waiter and site from now on. The waiter before
    /// comes back. The place may be served at once, if it was passed over before.
    #[must_use = "its destructor must not run inside a borrow"]
    pub(super) fn wait(&mut self, place: &mut Position, waiter: Waiter, site: Site) -> Waiter {
        let mut before = Waiter::Nobody;
        match place.key {
            Some(key) => before = self.queue.register(key, waiter, site),
            None => place.key = Some(self.queue.join_line(1, waiter, site)),
        }
        self.give(0, usize::MAX);
        before
    }
}
