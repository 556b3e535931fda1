//! `Line`: permits, and who waits for some, in which order. How it is shared is its owner's choice.

use super::queue::Queue;
use super::site::Site;
use crate::wake::Waiter;

/// A number of permits, and the queue for them.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) free: usize,
    pub(super) queue: Queue,
}

/// A place in a line, or none yet.
#[derive(Debug, Default)]
pub(super) struct Place(pub(super) Option<u32>);

impl Line {
    pub(super) const fn new(free: usize) -> Self {
        Self { free, queue: Queue::new() }
    }

    /// Whether so many could be taken: there are enough, and no task waits that is not cancelled.
    pub(super) fn fits(&mut self, count: usize) -> bool {
        count <= self.free && self.queue.first().is_none()
    }

    /// Takes permits, if they [fit](Self::fits).
    pub(super) fn try_take(&mut self, count: usize) -> bool {
        let fits = self.fits(count);
        if fits {
            self.free -= count;
        }
        fits
    }

    /// Adds permits, of which no more than `most` are kept, and serves those who wait.
    pub(super) fn give(&mut self, count: usize, most: usize) {
        self.free = self.free.saturating_add(count).min(most);
        while let Some(wants) = self.queue.first_for(self.free) {
            self.free -= wants;
            self.queue.serve(wants);
        }
    }

    /// Takes a permit, or the one that was handed to a place, which then is none any more. Who
    /// would have been woken comes back.
    pub(super) fn claim(&mut self, place: &mut Place) -> Option<Waiter> {
        let Some(key) = place.0 else { return self.try_take(1).then_some(Waiter::Nobody) };
        self.queue.given(key)?;
        place.0 = None;
        Some(self.queue.remove(key))
    }

    /// Waits for a permit, from now on at that place, and there. Who was to be woken before comes
    /// back. It may be served at once, if it was passed over before.
    #[must_use = "its destructor must not run inside a borrow"]
    pub(super) fn wait(&mut self, place: &mut Place, waiter: Waiter, site: Site) -> Waiter {
        let mut before = Waiter::Nobody;
        match place.0 {
            Some(key) => before = self.queue.register(key, waiter, site),
            None => place.0 = Some(self.queue.enter(1, waiter, site)),
        }
        self.give(0, usize::MAX);
        before
    }
}
