//! `Node`: what is known of one scope, and of the task that it may be.
//!
//! The fields of a node change by the transitions below alone; [`Tree`](super::Tree) has its links.
//!
//! ```text
//!   a scope                   1 cancel               2 hear
//!   (new) ──▶ not cancelled ───────────▶ cancelled ──────────▶ heard
//!                   ▲                        │ 3 deliver,       │
//!                   │                        │ 4 begin          │
//!                   └──────── 5 revive ──────┴──────────────────┘
//!
//!   its reasons      6 hold, begin_op, list_op
//!   idle ──────────────────────────────────────▶ live ──┐ the same, once more for each reason
//!     ▲                                            │ ◀──┘
//!     └────── 7 release, end_op: of the last ──────┘
//!
//!   a task                    8 queue
//!   (new) ──▶ idle ──────────────────────▶ queued ──┐ 9 queue: rewoken
//!              ▲                             │ │ ◀──┘
//!              └───────── 10 dequeue ────────┘ └─ 11 die ──▶ dead ── Tree::pop ──▶ (gone)
//! ```

use super::cause::Cause;
use super::id::{Generation, NONE};
use std::mem;
use std::ptr;

/// Where a task is between its polls; see `wake::ready`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
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
    pub(super) parent: u32,
    pub(super) first_child: u32,
    pub(super) previous: u32,
    pub(super) next: u32,
    /// Counted reasons not to cut the scope: operations of its own that are not answered yet, and,
    /// from when it is cancelled on, child scopes with such reasons.
    holds: u32,
    /// The count of cancels when a cancellation was handed last to code in this scope, or below it;
    /// zero: never.
    delivered_at: u32,
    /// The driver's list of the submissions made here: a slot of its table.
    ops: u32,
    /// The join handles that are awaited here: a slot of the table in `scope::waits`.
    waits: u32,
    /// The set that this task belongs to, or, of a nursery's node, the one that it owns.
    set: u32,
    /// The task behind this one in the set's ready list.
    pub(super) next_ready: u32,
    state: State,
    role: Role,
    cause: Option<Cause>,
    /// The code of this scope itself has heard of its cancellation. It does not hear again.
    heard: bool,
    /// A task that awaits this one was found not to be kept for it.
    unkept: bool,
    /// Nurseries, shields and clean-ups that the code of this task has begun after its cancel.
    begun: u8,
    /// Other threads may ask whether the scope is cancelled: it has a mark in `scope::marks`.
    marked: bool,
    /// The task was woken while it was queued already.
    rewoken: bool,
    /// What the set's owner needs to poll this task; null for a body and for a root.
    payload: *const (),
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
    /// No task.
    pub(crate) const NONE: Self = Self { role: Role::Scope, set: NONE, payload: ptr::null() };
    /// No task: a shield.
    pub(crate) const SHIELD: Self = Self { role: Role::Shield, ..Self::NONE };
    /// No task: a listener.
    pub(crate) const LISTENER: Self = Self { role: Role::Listener, ..Self::NONE };
}

impl Node {
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
            cause: None,
            heard: false,
            unkept: false,
            begun: 0,
            marked: false,
            rewoken: false,
            payload: task.payload,
        }
    }

    /// The link to the node above, if there is one.
    #[inline]
    pub(crate) fn parent(&self) -> u32 {
        self.parent
    }

    /// Whether a node is below this one.
    #[inline]
    pub(crate) fn has_children(&self) -> bool {
        self.first_child != NONE
    }

    /// What the node is besides a scope.
    #[inline]
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// The node is a nursery's from now on, which owns that set.
    pub(crate) fn own(&mut self, set: u32) {
        self.role = Role::Nursery;
        self.set = set;
    }

    // --- the scope: its cancel -----------------------------------------------------------------

    /// Why the scope is cancelled, if it is.
    #[inline]
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.cause
    }

    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cause.is_some()
    }

    /// The scope is cancelled, for the first time.
    #[inline]
    pub(crate) fn cancel(&mut self, cause: Cause) {
        debug_assert!(self.cause.is_none(), "the first reason is kept");
        self.cause = Some(cause);
    }

    /// The scope is not cancelled any more: it stands below another one now, and begins anew.
    pub(crate) fn revive(&mut self) {
        (self.cause, self.heard, self.delivered_at, self.begun) = (None, false, 0, 0);
    }

    /// Whether the code of the scope was told of the cancel.
    pub(crate) fn has_heard(&self) -> bool {
        self.heard
    }

    /// The code of the scope is told of the cancel.
    pub(crate) fn hear(&mut self) {
        self.heard = true;
    }

    /// Whether a cancellation was handed to code in this scope, or below it.
    pub(crate) fn is_delivered(&self) -> bool {
        self.delivered_at != 0
    }

    /// A cancellation is handed to code in this scope, or below it, when there were so many
    /// `cancels`. Tells if that is the first time since the last cancel.
    pub(crate) fn deliver(&mut self, cancels: u32) -> bool {
        mem::replace(&mut self.delivered_at, cancels) != cancels
    }

    /// The code of the cancelled scope would begin a nursery, a shield or a clean-up. Tells if it
    /// may: the code begins at most so many.
    pub(crate) fn begin(&mut self, most: u8) -> bool {
        let may = self.begun < most;
        self.begun += u8::from(may);
        may
    }

    /// Whether other threads may ask if the scope is cancelled.
    #[inline]
    pub(crate) fn is_marked(&self) -> bool {
        self.marked
    }

    /// Other threads may ask from now on.
    pub(crate) fn mark(&mut self) {
        self.marked = true;
    }

    // --- the scope: its reasons ----------------------------------------------------------------

    /// Whether something is still to be answered in this cancelled scope or below it. A nursery
    /// answers the code that awaits it, after the operations that were left to it.
    #[inline]
    pub(crate) fn is_live(&self) -> bool {
        self.holds > 0 || self.role == Role::Nursery && self.ops != NONE
    }

    /// How many reasons are counted.
    #[inline]
    pub(crate) fn holds(&self) -> u32 {
        self.holds
    }

    /// The head of the driver's list of the submissions made here.
    #[inline]
    pub(crate) fn ops(&self) -> u32 {
        self.ops
    }

    /// There is one reason more. Tells if the scope was not live before.
    #[inline]
    pub(crate) fn hold(&mut self) -> bool {
        let was_live = self.is_live();
        self.holds += 1;
        !was_live
    }

    /// There is one reason less. Tells if the scope is not live any more.
    #[inline]
    pub(crate) fn release(&mut self) -> bool {
        debug_assert!(self.holds() > 0, "what is released was held");
        self.holds -= 1;
        !self.is_live()
    }

    /// A submission is put at the head of the list. Gives the head before, and whether the scope
    /// has become live.
    #[inline]
    pub(crate) fn list_op(&mut self, slot: u32) -> (u32, bool) {
        let was_live = self.is_live();
        let behind = mem::replace(&mut self.ops, slot);
        (behind, self.is_live() && !was_live)
    }

    /// A submission for which a future waits is put at the head of the list, in a scope that is not
    /// cancelled. Gives the head before.
    #[inline]
    pub(crate) fn begin_op(&mut self, slot: u32) -> u32 {
        self.holds += 1;
        mem::replace(&mut self.ops, slot)
    }

    /// A submission has ended, for which a future waited (`is_held`) or not; `head`: the new head
    /// of the list.
    #[inline]
    pub(crate) fn end_op(&mut self, is_held: bool, head: Option<u32>) {
        self.holds -= u32::from(is_held);
        self.ops = head.unwrap_or(self.ops);
    }

    /// The head of the list of the join handles that are awaited here.
    pub(crate) fn waits(&self) -> u32 {
        self.waits
    }

    /// The list of the join handles that are awaited here has another head.
    pub(crate) fn set_waits(&mut self, head: u32) {
        self.waits = head;
    }

    // --- the task ------------------------------------------------------------------------------

    /// What the set's owner needs to poll this task; null for a body and for a root.
    #[inline]
    pub(crate) fn payload(&self) -> *const () {
        self.payload
    }

    /// The set that this task belongs to, or that this nursery owns.
    #[inline]
    pub(crate) fn set(&self) -> u32 {
        self.set
    }

    /// The set of this task is gone before the task.
    pub(super) fn leave_set(&mut self) {
        self.set = NONE;
    }

    /// Whether the task is to be polled.
    #[inline]
    pub(crate) fn is_queued(&self) -> bool {
        self.state == State::Queued
    }

    /// The task is to be polled. Tells if that is news: else it is woken once more.
    #[inline]
    pub(crate) fn queue(&mut self) -> bool {
        if self.state == State::Queued {
            self.rewoken = true;
            return false;
        }
        self.state = State::Queued;
        true
    }

    /// The task is polled now. Tells if it was to be.
    #[inline]
    pub(crate) fn dequeue(&mut self) -> bool {
        mem::replace(&mut self.state, State::Idle) == State::Queued
    }

    /// Whether the node was removed while it stood in a ready list.
    #[inline]
    pub(super) fn is_dead(&self) -> bool {
        self.state == State::Dead
    }

    /// The node is removed. Tells if it keeps its place, because it stands in a ready list.
    #[inline]
    pub(super) fn die(&mut self) -> bool {
        let is_listed = self.state == State::Queued && self.set != NONE;
        if is_listed {
            self.state = State::Dead;
        }
        is_listed
    }

    /// Whether the task was woken while it was queued already.
    pub(crate) fn is_rewoken(&self) -> bool {
        self.rewoken
    }

    /// Notes whether the task was woken while it was queued already. Gives what was noted before.
    pub(crate) fn set_rewoken(&mut self, rewoken: bool) -> bool {
        mem::replace(&mut self.rewoken, rewoken)
    }

    /// Whether a task that awaits this one was found not to be kept for it.
    pub(crate) fn is_let_go(&self) -> bool {
        self.unkept
    }

    /// A task that awaits this one is not kept for it.
    pub(crate) fn let_go(&mut self) {
        self.unkept = true;
    }

    /// The task is kept: it is a reason again for those that await it.
    pub(crate) fn keep(&mut self) {
        self.unkept = false;
    }
}
