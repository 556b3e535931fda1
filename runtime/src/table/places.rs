//! `Table`: things by number, whose places are used again.

use super::{Trim, is_sparse, remains};
use std::ops::{Index, IndexMut};

/// Unlike a slab, a table does not know which places are taken: the value in a place says so, where
/// code has to ask, and links lead to places that are taken. Every step of a wake reads several.
///
/// A value keeps its place, so a table shrinks down to the last place that is taken. From then on
/// the first free places are taken first: so the places at the end become free some time.
#[derive(Debug)]
pub(crate) struct Table<T> {
    places: Vec<T>,
    free: Vec<u32>,
    /// How many places were in use when the last of them was in the way of shrinking.
    stuck: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new(), stuck: usize::MAX }
    }

    /// Puts something into a free place, where it is made, and tells which.
    #[inline]
    pub(crate) fn insert(&mut self, make: impl FnOnce() -> T) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self[index] = make();
                index
            }
            None => self.append(make()),
        }
    }

    #[cold]
    fn append(&mut self, value: T) -> u32 {
        let index = u32::try_from(self.places.len()).expect("memory ends before the numbers do");
        self.places.push(value);
        index
    }

    /// Gives a place back. Its value stays until the place is taken again, or is given back itself.
    #[inline]
    pub(crate) fn free(&mut self, index: u32) {
        debug_assert!(self.free.len() < self.places.len(), "a place is freed once");
        self.free.push(index);
    }

    /// How many places are taken.
    #[inline]
    fn used(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// How many places there are, taken or not.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The places that are taken. Goes through all of them.
    pub(crate) fn taken(&self) -> Vec<u32> {
        let taken = (0..).zip(self.are_taken());
        taken.filter(|(_, taken)| *taken).map(|(index, _)| index).collect()
    }

    fn are_taken(&self) -> Vec<bool> {
        let mut taken = vec![true; self.places.len()];
        self.free.iter().for_each(|&index| taken[index as usize] = false);
        taken
    }

    /// What is, or was, in a place that exists.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.places.get_mut(index as usize)
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        self.places.get(index as usize)
    }
}

impl<T> Trim for Table<T> {
    fn is_unused(&self) -> bool {
        self.used() == 0
    }

    /// A table that was stuck is not sparse before half of what was in use then is gone.
    #[inline]
    fn is_sparse(&self) -> bool {
        is_sparse::<T>(self.places.capacity(), self.used()) && self.used() <= self.stuck / 2
    }

    fn shrink(&mut self) {
        let kept = self.places.capacity();
        if !is_sparse::<T>(kept, self.used()) {
            return;
        }
        let taken = self.are_taken();
        let last = taken.iter().rposition(|taken| *taken).map_or(0, |last| last + 1);
        let end = remains::<T>(kept);
        self.stuck = if last > end { self.used() } else { usize::MAX };
        self.places.truncate(end.max(last));
        self.places.shrink_to_fit();
        let free = (0..).zip(&taken).take(self.places.len()).filter(|(_, taken)| !**taken);
        self.free = free.map(|(index, _)| index).collect();
        self.free.reverse();
    }
}

impl<T> Index<u32> for Table<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        &self.places[index as usize]
    }
}

impl<T> IndexMut<u32> for Table<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        &mut self.places[index as usize]
    }
}
