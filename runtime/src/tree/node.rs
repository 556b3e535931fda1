//! `Node` and `Set`: what is known of one scope, and of tasks that are polled together.

use crate::label::{Id, Label};
use std::num::NonZero;
use std::ptr;
use std::task::Waker;

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
    /// Before and behind all others, for ranges.
    pub(crate) const MIN: Self = Self { index: 0, generation: Generation::MIN };
    pub(crate) const MAX: Self = Self { index: NONE, generation: Generation::MAX };

    /// What the world outside calls it.
    pub(crate) fn outside(self) -> Id {
        Id::new(self.generation)
    }

    /// Its place, for links.
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

    /// Its place, for links.
    pub(crate) fn index(self) -> u32 {
        self.0
    }
}

/// Why a scope was cancelled. The first reason is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The scope's own `cancel()` was called.
    Asked,
    /// A child or the body failed or panicked.
    Failure,
    /// The scope's deadline passed.
    Deadline,
    /// A scope around it was cancelled.
    Ancestor,
}

/// A [`Reason`] with what is behind it, in as little room: an operation wants to know whether a
/// deadline began the cancel, in whichever scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Asked,
    Failure,
    Deadline,
    Above,
    /// A scope around it was cancelled, by a deadline.
    DeadlineAbove,
}

impl Cause {
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::Asked => Reason::Asked,
            Self::Failure => Reason::Failure,
            Self::Deadline => Reason::Deadline,
            Self::Above | Self::DeadlineAbove => Reason::Ancestor,
        }
    }

    /// The cause for a scope that is cancelled because it is below a scope with this cause.
    #[cold]
    pub(crate) fn below(self) -> Self {
        if self.is_deadline() { Self::DeadlineAbove } else { Self::Above }
    }

    /// Whether the cancel goes back to a deadline.
    pub(crate) fn is_deadline(self) -> bool {
        matches!(self, Self::Deadline | Self::DeadlineAbove)
    }
}

impl From<Reason> for Cause {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Asked => Self::Asked,
            Reason::Failure => Self::Failure,
            Reason::Deadline => Self::Deadline,
            Reason::Ancestor => Self::Above,
        }
    }
}

/// Where a task is between its polls; see `wake::ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Idle,
    Queued,
    Dead,
}

/// One scope, and task if it is one. A wake of a child that was idle for long finds it in memory,
/// not in the cache: with one line, if it begins where a line does.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Node {
    pub(super) generation: Generation,
    pub(crate) parent: u32,
    pub(crate) first_child: u32,
    pub(super) previous: u32,
    pub(crate) next: u32,
    /// Counted reasons not to cut the scope: operations of its own that are not answered yet, and,
    /// from when it is cancelled on, child scopes with such reasons.
    pub(crate) holds: u32,
    /// The count of cancels when a cancellation was handed last to code in this scope, or below it;
    /// zero: never.
    pub(crate) delivered_at: u32,
    /// The driver's list of the submissions made here: a slot of its table.
    pub(crate) ops: u32,
    /// The join handles that are awaited here: a slot of the table in `scope::waits`.
    pub(crate) waits: u32,
    /// The set that this task belongs to, or, of a nursery's node, the one that it owns.
    pub(crate) set: u32,
    /// The task behind this one in the set's ready list.
    pub(super) next_ready: u32,
    pub(crate) state: State,
    pub(crate) role: Role,
    pub(crate) reason: Option<Cause>,
    /// The code of this scope itself has heard of its cancellation. It does not hear again.
    pub(crate) heard: bool,
    /// A task that awaits this one was found not to be kept for it.
    pub(crate) unkept: bool,
    /// Nurseries, shields and clean-ups that the code of this task has begun after its cancel.
    pub(crate) begun: u8,
    /// Other threads may ask whether the scope is cancelled: it has a mark in `scope::marks`.
    pub(crate) marked: bool,
    /// The task was woken while it was queued already.
    pub(crate) rewoken: bool,
    /// What the set's owner needs to poll this task; null for a body and for a root.
    pub(crate) payload: *const (),
}

// A wake touches one line of memory.
const _: () = assert!(size_of::<Node>() == 64);

/// What a node is besides a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing: its code is part of a task further up.
    Scope,
    /// A root, a child or a body: polled by itself.
    Task,
    /// A nursery: owns a set, and looks again when the last of its adopted submissions is done.
    Nursery,
    /// A scope that a cancellation from above does not reach.
    Shield,
    /// A scope in which a future of a foreign combinator waits to hear of a cancellation.
    Listener,
}

/// What a new node is, as a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub(crate) role: Role,
    pub(crate) set: u32,
    pub(crate) payload: *const (),
}

impl Task {
    /// No task at all.
    pub(crate) const NONE: Self = Self { role: Role::Scope, set: NONE, payload: ptr::null() };
    /// Nor this, but a shield.
    pub(crate) const SHIELD: Self = Self { role: Role::Shield, ..Self::NONE };
    /// Nor this, but a listener.
    pub(crate) const LISTENER: Self = Self { role: Role::Listener, ..Self::NONE };
}

impl Node {
    /// Whether something is still to be answered in this cancelled scope or below it. A nursery
    /// answers the code that awaits it, after the operations that were left to it.
    #[inline]
    pub(crate) fn is_live(&self) -> bool {
        self.holds > 0 || self.role == Role::Nursery && self.ops != NONE
    }

    #[inline]
    pub(super) fn new(generation: Generation, task: Task) -> Self {
        Self {
            generation,
            parent: NONE,
            first_child: NONE,
            previous: NONE,
            next: NONE,
            holds: 0,
            delivered_at: 0,
            ops: NONE,
            waits: NONE,
            set: task.set,
            next_ready: NONE,
            state: State::Idle,
            role: task.role,
            reason: None,
            heard: false,
            unkept: false,
            begun: 0,
            marked: false,
            rewoken: false,
            payload: task.payload,
        }
    }
}

/// Tasks that are polled by one owner: the children and the body of a nursery.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) head: u32,
    /// Means something only if there is a head.
    pub(super) tail: u32,
    /// What polls this set, to be woken when its list stops being empty: a task of this thread, or
    /// a foreign waker in `foreign`.
    pub(crate) owner: Option<NodeId>,
    pub(crate) foreign: Option<Waker>,
    /// The owner is polling the set: it will see tasks that are added.
    pub(crate) open: bool,
    /// What the nursery is called, and when it was opened.
    pub(crate) label: Option<Label>,
    pub(crate) born: u64,
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
