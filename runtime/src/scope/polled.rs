//! `Polled`: what happens to a task with kept scopes, between the looks at it.

use super::notes::{Notes, has_notes, with};
use crate::tree::{self, Node, NodeId};
use std::mem;

/// A task that polls scopes with rounds: its own, or those of parts.
#[derive(Debug, Default)]
pub(super) struct Polled {
    /// How many scopes with rounds the task polls.
    pub(super) rounds: usize,
    /// Wakes from outside of its polls, and ends of parts and children in it.
    pub(super) events: u64,
    /// How often the task was polled.
    pub(super) polls: u64,
    /// When the latest poll of the task had ended, the task was not queued again.
    idle: bool,
    /// In this poll: the task is to be polled again for a look, and for nothing else yet.
    pub(super) looked: bool,
}

impl Polled {
    /// The task is about to be polled. That is an event if the task was idle, or was woken while it
    /// was queued already.
    fn begin(&mut self, was_rewoken: bool) {
        self.polls += 1;
        self.looked = false;
        let was_idle = mem::take(&mut self.idle);
        self.events += u64::from(was_idle || was_rewoken);
    }

    /// The task is looked at again; `for_that_alone`: it was queued for the look, and nothing else.
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

/// The poll of a task has ended: wakes during the poll came from its own code, which is no event.
#[inline]
pub(crate) fn end(task: NodeId) {
    if has_notes() {
        end_noted(task);
    }
}

#[cold]
fn end_noted(task: NodeId) {
    let queued = |node: &mut Node| {
        node.set_rewoken(false);
        node.is_queued()
    };
    let Some(is_queued) = tree::with(|tree| tree.get(task).map(queued)) else { return };
    with(|notes| notes.polled.get_mut(&task).into_iter().for_each(|its| its.idle = !is_queued));
}
