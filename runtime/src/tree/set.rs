//! `Set`: tasks that are polled by one owner, the children and the body of a nursery.
//!
//! ```text
//!              1 open                     2 rest, 3 Tree::pop finds none
//!   resting ──────────────▶ open ──────────────────────────────────────▶ resting
//!      │
//!      └─ 4 Tree::push, to an empty list ──▶ resting, and the owner is to be woken
//! ```
//!
//! A set that is open is polled just now: its owner sees what is pushed without a wake.

use super::id::{NONE, NodeId};
use crate::label::Label;
use std::task::Waker;

/// The ready tasks of one nursery, and who polls them.
#[derive(Debug)]
pub(crate) struct Set {
    pub(super) head: u32,
    /// Means something only if there is a head.
    pub(super) tail: u32,
    /// What polls this set, to be woken when its list stops being empty: a task of this thread, or
    /// a foreign waker in `foreign`.
    owner: Option<NodeId>,
    foreign: Option<Waker>,
    /// The owner is polling the set: it will see tasks that are added.
    open: bool,
    /// What the nursery is called, and when it was opened.
    label: Option<Label>,
    born: u64,
}

/// Who polls a set, to be woken.
#[derive(Debug)]
pub(crate) enum Owner {
    Task(NodeId),
    Foreign(Waker),
}

impl Default for Set {
    fn default() -> Self {
        Self {
            head: NONE,
            tail: NONE,
            owner: None,
            foreign: None,
            open: false,
            label: None,
            born: 0,
        }
    }
}

impl Set {
    /// The set of a nursery with that name.
    pub(super) fn new(label: Label, born: u64) -> Self {
        Self { label: Some(label), born, ..Self::default() }
    }

    /// What the nursery is called.
    pub(crate) fn label(&self) -> Option<Label> {
        self.label
    }

    /// When the nursery was opened.
    pub(crate) fn born(&self) -> u64 {
        self.born
    }

    /// The task that has polled the set last; none if that was in a foreign combinator.
    pub(crate) fn owner(&self) -> Option<NodeId> {
        self.owner
    }

    /// Whether a task is in the ready list.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        self.head != NONE
    }

    /// The owner starts to poll the set: a task, or a future with a foreign waker. The waker before
    /// comes back, to be dropped outside a borrow.
    #[inline]
    #[must_use = "its destructor must not run inside a borrow"]
    pub(crate) fn open(&mut self, owner: Option<NodeId>, foreign: Option<Waker>) -> Option<Waker> {
        self.open = true;
        self.owner = owner;
        if self.foreign.is_none() && foreign.is_none() {
            return None;
        }
        std::mem::replace(&mut self.foreign, foreign)
    }

    /// The owner stops polling the set.
    #[inline]
    pub(crate) fn rest(&mut self) {
        self.open = false;
    }

    /// The owner, to be woken because the list is not empty any more; none if it polls the set just
    /// now. A foreign waker is given once: it is registered anew by the poll that follows.
    #[inline]
    pub(crate) fn owner_to_wake(&mut self) -> Option<Owner> {
        if self.open {
            return None;
        }
        match self.owner {
            Some(owner) => Some(Owner::Task(owner)),
            None => self.foreign.take().map(Owner::Foreign),
        }
    }
}
