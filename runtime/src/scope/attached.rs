//! `Attached`: part of a future that may be a reason to keep its task; makes the notes of it.

use super::listeners::{Listener, parts_around};
use super::notes::{Key, Note, Poller, Probe, Why, spare, with};
use super::status::{running_task, task_of};
use crate::tree::{self, NONE, NodeId, Role, SetId, Tree};
use crate::wake::{self, wake_all};
use std::cell::{OnceCell, RefCell};
use std::task::Context;

/// Part of a future that may be a reason to keep the task that polls it. Most never are: the
/// attachment is made when the first note is.
#[derive(Debug, Default)]
pub(crate) struct Attached(OnceCell<Box<Attachment>>);

#[derive(Debug, Default)]
struct Attachment {
    /// The notes of the future: one for each task that polls it.
    keys: RefCell<Vec<Key>>,
    listener: RefCell<Listener>,
}

impl Attached {
    /// The code that runs now polls this future, which waits: if the code is cancelled, the future
    /// is a reason to keep its task. In a foreign combinator the future is polled once more when
    /// the task is cancelled, so that it can make its note.
    #[inline]
    pub(crate) fn polled(&self, why: impl FnOnce() -> Why, cx: &Context<'_>) {
        let poller = Poller::of(cx);
        if poller != Poller::TASK {
            self.0.get_or_init(Box::default).listener.borrow_mut().listen(cx);
        }
        self.note(why, poller);
    }

    /// As [`polled`](Self::polled), without a listener.
    #[inline]
    pub(crate) fn note(&self, why: impl FnOnce() -> Why, poller: Poller) {
        self.note_with(why, poller, None);
    }

    /// As [`note`](Self::note), for a nursery, which owns a set.
    pub(crate) fn note_set(&self, why: Why, poller: Poller, set: SetId) {
        self.note_with(|| why, poller, Some(set));
    }

    #[inline]
    fn note_with(&self, why: impl FnOnce() -> Why, poller: Poller, set: Option<SetId>) {
        match super::current().filter(|here| super::is_in_cancelled(*here)) {
            Some(here) => self.0.get_or_init(Box::default).note(here, why(), poller, set),
            None => self.0.get().into_iter().for_each(|attachment| attachment.polled_elsewhere()),
        }
    }

    /// The future is no reason any more. Its task is looked at again.
    #[inline]
    pub(crate) fn clear(&self) {
        if let Some(attachment) = self.0.get() {
            attachment.end();
        }
    }
}

impl Attachment {
    #[cold]
    fn note(&self, scope: NodeId, why: Why, poller: Poller, set: Option<SetId>) {
        let listener = self.listener.borrow().scope().map(Probe::Listener);
        let probe = set.map(Probe::Set).or(listener);
        let found = tree::with(|tree| {
            let task = task_of(tree, scope.index())?;
            let nursery = tree.parent(task);
            Some((task, tree.id(nursery), parts_of(tree, scope), is_part(tree, scope)))
        });
        let Some((task, nursery, parts, is_part)) = found else { return };
        let (probed, probed_in) = (0, 0);
        let note = Note { scope, nursery, parts, is_part, why, poller, probe, probed, probed_in };
        self.add(task, note).into_iter().for_each(wake::wake);
    }

    /// A task makes a note, instead of its note before. If the task polls the future for the first
    /// time, other tasks with notes may not poll it any more: the caller has to wake those that
    /// come back, to look at them again.
    fn add(&self, task: NodeId, note: Note) -> Vec<NodeId> {
        let mut keys = self.keys.borrow_mut();
        with(|notes| {
            let own = keys.iter().position(|key| key.0 == task);
            if let Some(own) = own {
                notes.remove(keys.swap_remove(own));
            } else {
                keys.retain(|key| notes.notes.contains_key(key));
            }
            let others = keys.iter().filter(|_| own.is_none()).map(|key| key.0).collect();
            keys.push(notes.add(task, note));
            others
        })
    }

    /// Code that is not cancelled polls the future. Tasks that were kept for it may not poll it any
    /// more, and are looked at again.
    fn polled_elsewhere(&self) {
        if self.keys.borrow().is_empty() {
            return;
        }
        let here = tree::with(running_task);
        self.keys.borrow_mut().retain(|key| {
            let is_own = Some(key.0) == here;
            if is_own {
                with(|notes| notes.remove(*key));
            }
            !is_own
        });
        let tasks: Vec<_> = self.keys.borrow().iter().map(|key| key.0).collect();
        tasks.into_iter().for_each(wake::wake);
    }

    /// The future is no reason any more: the tasks and parts that it kept are looked at again.
    fn end(&self) {
        for key in self.keys.take() {
            let Some(note) = with(|notes| notes.remove(key)) else { continue };
            let task = key.0;
            let (running, parts) =
                tree::with(|tree| (running_task(tree), parts_around(tree, note.scope, task)));
            // The poll of a task, or of a part, ends with a look at what keeps it: the running one
            // needs no wake.
            if running != Some(task) {
                wake::wake(task);
            }
            if !parts.is_empty() {
                spare(note.scope);
                wake_all(parts);
            }
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.end();
    }
}

/// The scope and the scopes around it, inside of its task, that may be cut by themselves.
fn parts_of(tree: &mut Tree, scope: NodeId) -> Vec<NodeId> {
    let mut parts = Vec::new();
    let mut index = scope.index();
    while index != NONE && tree.at(index).role() != Role::Task {
        if tree.at(index).role() == Role::Scope {
            parts.extend(tree.id(index));
        }
        index = tree.at(index).parent();
    }
    parts
}

/// Whether between a cancelled scope and its task a scope is not cancelled.
fn is_part(tree: &mut Tree, scope: NodeId) -> bool {
    let mut index = scope.index();
    while index != NONE && tree.at(index).role() != Role::Task {
        index = tree.at(index).parent();
        if index != NONE && tree.at(index).cause().is_none() {
            return true;
        }
    }
    false
}
