//! `Slots`: a slab that gives back what it has held for a burst.

use super::{Trim, is_sparse, remains};
use slab::Slab;
use std::ops::{Index, IndexMut};

/// Things by number, from when they are put in until they are taken out.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slab: Slab<T>,
    /// See [`Table`](super::Table).
    stuck: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { slab: Slab::new(), stuck: usize::MAX }
    }

    /// How many things there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// A number behind those of all slots that are taken.
    pub(crate) fn end(&self) -> usize {
        self.slab.capacity()
    }

    /// Where the next thing is put.
    #[inline]
    pub(crate) fn next(&self) -> usize {
        self.slab.vacant_key()
    }

    /// Puts something in, and tells where.
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> usize {
        self.slab.insert(value)
    }

    /// Takes something out that is there.
    #[inline]
    pub(crate) fn remove(&mut self, slot: usize) -> T {
        self.slab.remove(slot)
    }

    /// The thing in a slot.
    #[inline]
    pub(crate) fn get(&self, slot: usize) -> Option<&T> {
        self.slab.get(slot)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.slab.get_mut(slot)
    }

    /// All there is, each with its slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.slab.iter()
    }
}

impl<T> Trim for Slots<T> {
    fn is_unused(&self) -> bool {
        self.slab.is_empty()
    }

    #[inline]
    fn is_sparse(&self) -> bool {
        let used = self.slab.len();
        is_sparse::<T>(self.slab.capacity(), used) && used <= self.stuck / 2
    }

    fn shrink(&mut self) {
        let (kept, used) = (self.slab.capacity(), self.slab.len());
        if !is_sparse::<T>(kept, used) {
            return;
        }
        // Nothing moves: without moves, `compact` cuts the end, and puts the free slots in order.
        self.slab.compact(|_, _, _| false);
        let end = remains::<T>(kept);
        self.stuck = if self.slab.capacity() > end { used } else { usize::MAX };
        self.slab.reserve(end.saturating_sub(used));
    }
}

impl<T> Index<usize> for Slots<T> {
    type Output = T;

    #[inline]
    fn index(&self, slot: usize) -> &T {
        &self.slab[slot]
    }
}

impl<T> IndexMut<usize> for Slots<T> {
    #[inline]
    fn index_mut(&mut self, slot: usize) -> &mut T {
        &mut self.slab[slot]
    }
}
