//! Tables that grow with use, and give back the memory that they do not use.
//!
//! A table grows on the spot and shrinks seldom: the core looks once in [`TRIM_EVERY`], and takes
//! from a table that is [sparse](Trim::is_sparse) down to a quarter of what it has. So a burst is
//! given back within some seconds, while a load that breathes costs at most one such step, and the
//! way back, in a second; and nothing is counted where things come and go.
//!
//! [`TRIM_EVERY`]: crate::config::TRIM_EVERY

mod at_end;
mod places;
mod slots;

use crate::config::SMALLEST_TABLE;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

pub(crate) use at_end::trim_at_end;
pub(crate) use places::Table;
pub(crate) use slots::Slots;

/// A table with less than one part in so many in use is sparse, and keeps one part in so many.
const PART: usize = 4;

/// When a thread's tables are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Now and then, while a core runs.
    Running,
    /// A runtime has ended: what is empty takes no memory at all.
    Ended,
}

/// What grows with use.
pub(crate) trait Trim: Default {
    /// Whether nothing is in it.
    fn is_unused(&self) -> bool;

    /// Whether much more is kept than is in use, and can be given back as far as is known.
    fn is_sparse(&self) -> bool;

    /// If much more is kept than is in use, gives back most of it. Nothing gets another place.
    fn shrink(&mut self);

    /// Gives back what is to be given back. Tells if there is more to come.
    fn trim(&mut self, when: When) -> bool {
        if when == When::Ended && self.is_unused() {
            *self = Self::default();
        } else {
            self.shrink();
        }
        self.is_sparse()
    }
}

/// How many of a type the smallest table has room for, which does not shrink.
const fn least<T>() -> usize {
    let size = if size_of::<T>() == 0 { 1 } else { size_of::<T>() };
    SMALLEST_TABLE / size + 1
}

/// Whether a table with room for `kept` is sparse with `used` of them in use.
#[inline]
const fn is_sparse<T>(kept: usize, used: usize) -> bool {
    kept > least::<T>() && used < kept / PART
}

/// How many places a sparse table with room for `kept` keeps.
fn remains<T>(kept: usize) -> usize {
    (kept / PART).max(least::<T>())
}

impl<T> Trim for VecDeque<T> {
    fn is_unused(&self) -> bool {
        self.is_empty()
    }

    #[inline]
    fn is_sparse(&self) -> bool {
        is_sparse::<T>(self.capacity(), self.len())
    }

    fn shrink(&mut self) {
        if self.is_sparse() {
            self.shrink_to(remains::<T>(self.capacity()));
        }
    }
}

impl<T: Ord> Trim for BinaryHeap<T> {
    fn is_unused(&self) -> bool {
        self.is_empty()
    }

    #[inline]
    fn is_sparse(&self) -> bool {
        is_sparse::<T>(self.capacity(), self.len())
    }

    fn shrink(&mut self) {
        if self.is_sparse() {
            self.shrink_to(remains::<T>(self.capacity()));
        }
    }
}

/// Takes the first entry out of a queue. The queue gives memory back here, because no core looks at
/// it now and then.
#[inline]
pub(crate) fn pop_front<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let first = queue.pop_front();
    queue.shrink();
    first
}

/// Takes an entry out of a map that no core may look at any more: an empty one would keep a node.
pub(crate) fn remove<K: Ord, V>(map: &mut BTreeMap<K, V>, key: &K) -> Option<V> {
    let removed = map.remove(key);
    if map.is_empty() {
        *map = BTreeMap::new();
    }
    removed
}

/// A map gives memory back with each entry that is taken out, but for its last node.
impl<K, V> Trim for BTreeMap<K, V> {
    fn is_unused(&self) -> bool {
        self.is_empty()
    }

    fn is_sparse(&self) -> bool {
        false
    }

    fn shrink(&mut self) {}
}
