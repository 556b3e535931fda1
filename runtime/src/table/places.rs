//! `Table`: things by number, whose places are used again.
//!
//! ```text
//!   near   0 1 2 3 … | places in a row; a number below their end is one of them
//!   far                 16–31 ·  · 64–79 ·  ·  · 128–143     what a burst has left, in groups
//! ```
//!
//! All that is in use is near, until the table shrinks. What stands behind the new end then keeps
//! its number, in a group of its own, and an access goes the long way; when the row grows so far
//! again, it takes the group back in.

use super::{Trim, is_sparse, remains};
use std::ops::{Index, IndexMut};

/// Places of a group, which is kept as long as one of them is taken.
pub(super) const GROUP: usize = 16;

/// Unlike a slab, it does not know which places are taken: what is in one says so, if it has to be
/// asked, and links lead to what is there. Every step of a wake reads several.
#[derive(Debug)]
pub(crate) struct Table<T> {
    near: Vec<T>,
    free: Vec<u32>,
    /// By the number of the first place of each, in groups.
    far: Vec<Option<Box<Group<T>>>>,
}

#[derive(Debug)]
struct Group<T> {
    places: Vec<T>,
    /// Which are taken, bit by bit.
    taken: u16,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { near: Vec::new(), free: Vec::new(), far: Vec::new() }
    }

    /// Puts something into a free place, and tells which.
    #[inline]
    pub(crate) fn insert(&mut self, value: T) -> u32 {
        match self.free.pop() {
            Some(index) => {
                self.near[index as usize] = value;
                index
            }
            None => self.append(value),
        }
    }

    #[cold]
    fn append(&mut self, value: T) -> u32 {
        let next = self.near.len();
        if let Some(group) = self.far.get_mut(next / GROUP).and_then(Option::take) {
            self.take_in(*group);
            return self.insert(value);
        }
        self.near.push(value);
        u32::try_from(next).expect("memory ends before the numbers do")
    }

    /// The row has grown up to a group.
    fn take_in(&mut self, group: Group<T>) {
        let first = self.near.len() as u32;
        let numbers = (first..).zip(bits(group.taken)).take(group.places.len());
        self.free.extend(numbers.filter(|(_, taken)| !taken).map(|(index, _)| index));
        self.near.extend(group.places);
        self.cut_far();
    }

    /// Gives a place back. What is in it may stay until the place is taken again.
    #[inline]
    pub(crate) fn free(&mut self, index: u32) {
        if (index as usize) < self.near.len() {
            debug_assert!(self.free.len() < self.near.len(), "a place is freed once");
            self.free.push(index);
        } else {
            self.free_far(index as usize);
        }
    }

    #[cold]
    #[inline(never)]
    fn free_far(&mut self, index: usize) {
        let place = self.far.get_mut(index / GROUP);
        let Some(group) = place.as_ref().and_then(|place| place.as_ref()) else { return };
        let taken = group.taken & !(1 << (index % GROUP));
        debug_assert_ne!(taken, group.taken, "a place is freed once");
        match place {
            Some(Some(group)) if taken != 0 => group.taken = taken,
            place => {
                place.into_iter().for_each(|place| *place = None);
                self.cut_far();
            }
        }
    }

    /// Nothing is kept behind the last group.
    fn cut_far(&mut self) {
        let end = self.far.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.far.truncate(end);
        if end < self.far.capacity() / 2 {
            self.far.shrink_to_fit();
        }
    }

    /// The number behind the last place.
    pub(super) fn end(&self) -> usize {
        self.near.len().max(self.far.len() * GROUP)
    }

    /// The places that are taken. Goes through all of them.
    pub(crate) fn taken(&self) -> Vec<u32> {
        let near = (0..).zip(self.near_taken());
        let far = (0..).step_by(GROUP).zip(&self.far).flat_map(|(first, group)| {
            (first..).zip(bits(group.as_ref().map_or(0, |group| group.taken)))
        });
        near.chain(far).filter(|(_, taken)| *taken).map(|(index, _)| index).collect()
    }

    fn near_taken(&self) -> Vec<bool> {
        let mut taken = vec![true; self.near.len()];
        self.free.iter().for_each(|&index| taken[index as usize] = false);
        taken
    }

    /// What is, or was, in a place that exists.
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        let index = index as usize;
        if index < self.near.len() {
            return Some(&mut self.near[index]);
        }
        // Not a call: what is in registers would have to be saved for one, on the short way too.
        self.far.get_mut(index / GROUP)?.as_mut()?.places.get_mut(index % GROUP)
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        if index < self.near.len() {
            return Some(&self.near[index]);
        }
        self.far.get(index / GROUP)?.as_ref()?.places.get(index % GROUP)
    }
}

fn bits(taken: u16) -> impl Iterator<Item = bool> {
    (0..GROUP).map(move |bit| taken & 1 << bit != 0)
}

impl<T> Trim for Table<T> {
    fn is_unused(&self) -> bool {
        self.near.len() == self.free.len() && self.far.is_empty()
    }

    #[inline]
    fn is_sparse(&self) -> bool {
        is_sparse::<T>(self.near.capacity(), self.near.len() - self.free.len())
    }

    fn shrink(&mut self) {
        let end = remains::<T>(self.near.capacity()).next_multiple_of(GROUP).min(self.near.len());
        let taken = self.near_taken();
        let (near, behind) = taken.split_at(end);
        let mut places = self.near.drain(end..);
        for (number, group) in (end / GROUP..).zip(behind.chunks(GROUP)) {
            let places = places.by_ref().take(group.len());
            let bits = group.iter().rev().fold(0, |bits, taken| bits << 1 | u16::from(*taken));
            if bits == 0 {
                places.for_each(drop);
                continue;
            }
            if self.far.len() <= number {
                self.far.resize_with(number + 1, || None);
            }
            self.far[number] = Some(Box::new(Group { places: places.collect(), taken: bits }));
        }
        drop(places);
        self.near.shrink_to_fit();
        // The first places are taken first, so that the last ones become free.
        let free = (0..end as u32).zip(near).rev().filter(|(_, taken)| !**taken);
        self.free = free.map(|(index, _)| index).collect();
    }
}

impl<T> Index<u32> for Table<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        self.get(index).expect("a link leads to what is there")
    }
}

impl<T> IndexMut<u32> for Table<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        self.get_mut(index).expect("a link leads to what is there")
    }
}
