//! `Table`: things by number, whose places are used again.

use std::ops::{Index, IndexMut};

/// Unlike a slab, it does not know which places are taken: a node says so by its generation, which
/// is asked for anyway, and links lead to nodes that are there. Every step of a wake reads several.
#[derive(Debug)]
pub(super) struct Table<T> {
    places: Vec<T>,
    free: Vec<u32>,
}

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// Whether no place is taken.
    pub(super) fn is_empty(&self) -> bool {
        self.places.len() == self.free.len()
    }

    /// Puts something into a free place, and tells which.
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self[index] = value;
                index
            }
            None => self.append(value),
        }
    }

    #[cold]
    fn append(&mut self, value: T) -> u32 {
        let index = u32::try_from(self.places.len()).expect("memory ends before the numbers do");
        self.places.push(value);
        index
    }

    /// Gives a place back. What is in it stays until the place is taken again.
    #[inline]
    pub(super) fn free(&mut self, index: u32) {
        debug_assert!(self.free.len() < self.places.len(), "a place is freed once");
        self.free.push(index);
    }

    /// The places that are taken. Goes through all of them.
    pub(super) fn taken(&self) -> Vec<u32> {
        let mut taken = vec![true; self.places.len()];
        for &index in &self.free {
            taken[index as usize] = false;
        }
        (0..).zip(taken).filter(|(_, taken)| *taken).map(|(index, _)| index).collect()
    }

    /// What is, or was, in a place that exists.
    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.places.get_mut(index as usize)
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&T> {
        self.places.get(index as usize)
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
