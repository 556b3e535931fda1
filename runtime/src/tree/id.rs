//! The numbers that name nodes and sets.

use crate::label::Id;
use std::num::NonZero;

/// The end of a list; the parent of a root; the set of what is no task.
pub(crate) const NONE: u32 = u32::MAX;

/// Counts what was ever inserted and removed. Never zero, so that an optional id takes no more room
/// than an id: one is set aside and put back with every poll.
pub(super) type Generation = NonZero<u64>;

/// Names a node. Stale once the node is gone: every use then is a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId {
    pub(super) index: u32,
    pub(super) generation: Generation,
}

impl NodeId {
    /// The ids before and behind all others, for ranges.
    pub(crate) const MIN: Self = Self { index: 0, generation: Generation::MIN };
    pub(crate) const MAX: Self = Self { index: NONE, generation: Generation::MAX };

    /// The id by which programs know the node.
    pub(crate) fn outside(self) -> Id {
        Id::new(self.generation)
    }

    /// The place in the table, for links.
    pub(crate) fn index(self) -> u32 {
        self.index
    }
}

/// A [`NodeId`] in 12 bytes instead of 16, for tables in which each byte counts. To copy it takes
/// more instructions.
#[derive(Debug, Clone, Copy)]
#[repr(Rust, packed(4))]
pub(crate) struct PackedId {
    index: u32,
    generation: Generation,
}

impl From<NodeId> for PackedId {
    #[inline]
    fn from(id: NodeId) -> Self {
        Self { index: id.index, generation: id.generation }
    }
}

impl From<PackedId> for NodeId {
    #[inline]
    fn from(id: PackedId) -> Self {
        Self { index: id.index, generation: id.generation }
    }
}

/// Names a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetId(pub(super) u32);

impl SetId {
    pub(crate) fn new(index: u32) -> Self {
        Self(index)
    }

    /// The place in the table, for links.
    pub(crate) fn index(self) -> u32 {
        self.0
    }
}
