//! `Polled`: what happens to a task in which something is kept, between the looks at it.

use super::notes::{Notes, has_notes, with};
use crate::tree::{self, Node, NodeId, State};
use std::mem;

/// A task that polls scopes with rounds: itself, or parts.
#[derive(Debug, Default)]
pub(super) struct Polled {
    /// How many rounds there are of what it polls.
    pub(super) rounds: usize,
    /// Wakes from outside of its polls, and ends of parts and children in it.
    pub(super) events: u64,
    /// How often it was polled.
    pub(super) polls: u64,
    /// Nothing had it be polled again when its latest poll had ended.
    idle: bool,
    /// In this poll: it is to be polled again for a look, and for nothing else yet.
    pub(super) looked: bool,
}

impl Polled {
    /// It is about to be polled. That is an event if it was idle, or was woken while it was to be
    /// polled already.
    fn begin(&mut self, was_rewoken: bool) {
        self.polls += 1;
        self.looked = false;
        let was_idle = mem::take(&mut self.idle);
        self.events += u64::from(was_idle || was_rewoken);
    }

    /// It is looked at again, and is to be polled for that alone, or not.
    fn look(&mut self, for_that_alone: bool) {
        self.idle = false;
        self.looked |= for_that_alone;
    }
}

impl Notes {
    /// There was an event in a task.
    pub(super) fn disturb(&mut self, task: NodeId) {
        self.polled.get_mut(&task).into_iter().for_each(|polled| polled.events += 1);
    }

    /// A task is about to be polled.
    pub(super) fn begin(&mut self, task: NodeId, was_rewoken: bool) {
        self.polled.get_mut(&task).into_iter().for_each(|polled| polled.begin(was_rewoken));
    }

    /// A task is looked at again.
    pub(super) fn look(&mut self, task: NodeId, for_that_alone: bool) {
        self.polled.get_mut(&task).into_iter().for_each(|polled| polled.look(for_that_alone));
    }
}

/// The poll of a task has ended: what has woken it meanwhile was its own code, which is no event.
#[inline]
pub(crate) fn end(task: NodeId) {
    if has_notes() {
        end_noted(task);
    }
}

#[cold]
fn end_noted(task: NodeId) {
    let queued = |node: &mut Node| {
        node.rewoken = false;
        node.state == State::Queued
    };
    let Some(is_queued) = tree::with(|tree| tree.get(task).map(queued)) else { return };
    with(|notes| notes.polled.get_mut(&task).into_iter().for_each(|its| its.idle = !is_queued));
}
