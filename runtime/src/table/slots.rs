//! `Slots`: a table that knows which of its places are taken. A slab that can be shrunk.

use super::{Table, Trim};
use std::ops::{Index, IndexMut};

/// Things by number, from when they are put in until they are taken out.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    places: Table<Option<T>>,
    len: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { places: Table::new(), len: 0 }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The slot behind the last one, taken or not.
    pub(crate) fn end(&self) -> usize {
        self.places.end()
    }

    /// Puts something in, and tells where.
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> usize {
        self.len += 1;
        self.places.insert(Some(value)) as usize
    }

    /// Takes something out that is there.
    #[inline]
    pub(crate) fn remove(&mut self, slot: usize) -> T {
        let place = self.places.get_mut(slot as u32);
        let value = place.and_then(Option::take).expect("what is taken out is there");
        self.places.free(slot as u32);
        self.len -= 1;
        value
    }

    /// What is in a slot.
    #[inline]
    pub(crate) fn get(&self, slot: usize) -> Option<&T> {
        self.places.get(slot as u32)?.as_ref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut T> {
        self.places.get_mut(slot as u32)?.as_mut()
    }

    /// All there is, each with its slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let taken = self.places.taken().into_iter().map(|slot| slot as usize);
        taken.filter_map(|slot| Some((slot, self.get(slot)?)))
    }
}

impl<T> Trim for Slots<T> {
    fn is_unused(&self) -> bool {
        self.len == 0
    }

    #[inline]
    fn is_sparse(&self) -> bool {
        self.places.is_sparse()
    }

    fn shrink(&mut self) {
        self.places.shrink();
    }
}

impl<T> Index<usize> for Slots<T> {
    type Output = T;

    #[inline]
    fn index(&self, slot: usize) -> &T {
        self.get(slot).expect("what is looked at is there")
    }
}

impl<T> IndexMut<usize> for Slots<T> {
    #[inline]
    fn index_mut(&mut self, slot: usize) -> &mut T {
        self.get_mut(slot).expect("what is looked at is there")
    }
}
