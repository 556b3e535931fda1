//! Notes: why a cancelled task is kept for now, made by the futures that the task polls.
//!
//! A note is made when its future is polled. One that was polled with the task's own waker is
//! polled again whenever the task is, so its note lasts until then. One that was polled with a
//! foreign waker, inside a combinator, is polled when that waker was woken, so its note lasts until
//! that happens or the future is dropped (*lasting*).

use super::kept::is_valid;
use super::listeners::{Listener, parts_around, silence};
use super::round::Round;
use super::status::{is_running, task_of};
use crate::config::FOREIGN_POLLS;
use crate::table::When;
use crate::tree::{self, NONE, NodeId, Role, SetId, Tree};
use crate::wake::{self, Local, Waiter, wake_all};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::mem::ManuallyDrop;
use std::ops::RangeInclusive;
use std::ptr;
use std::task::Context;

/// A handle that is awaited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Join {
    /// The child.
    pub(super) target: NodeId,
    /// The task that waits.
    pub(super) waiter: NodeId,
    /// The part of that task that waits, if it is cut by itself: a timeout inside a shield. The
    /// shield keeps the task; the question is what keeps the part.
    pub(super) part: Option<NodeId>,
}

/// Why a task is kept.
#[derive(Debug, Clone)]
pub(crate) enum Why {
    /// It polls a shield.
    Shield,
    /// It awaits the end of a child.
    Join(NodeId),
    /// It polls a nursery in which tasks are kept: some by shields, or only for these handles, of
    /// children further out.
    Nursery { grounded: bool, joins: Vec<Join> },
}

/// With which waker a future is polled: `None` for its task's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Poller(Option<(*const (), *const ())>);

impl Poller {
    /// The task itself.
    pub(crate) const TASK: Self = Self(None);

    pub(crate) fn of(cx: &Context<'_>) -> Self {
        let waker = cx.waker();
        let foreign = Local::task_of(waker).is_none();
        Self(foreign.then(|| (waker.data(), ptr::from_ref(waker.vtable()).cast())))
    }
}

/// How a future is polled that was polled with a foreign waker.
#[derive(Debug, Clone, Copy)]
pub(super) enum Probe {
    /// By its listener's waker.
    Listener(NodeId),
    /// As the owner of a nursery's set.
    Set(SetId),
}

impl Probe {
    /// What has the future be polled when it is woken, if it still is by anything.
    pub(super) fn waiter(self, tree: &mut Tree) -> Waiter {
        match self {
            Self::Listener(scope) => silence(scope).map_or(Waiter::Nobody, Waiter::Foreign),
            Self::Set(set) => wake::owner(tree, set),
        }
    }
}

#[derive(Debug)]
pub(super) struct Note {
    /// The scope in which it was made.
    pub(super) scope: NodeId,
    /// That scope is cut by itself: around it in the task is a shield.
    pub(super) is_part: bool,
    pub(super) why: Why,
    pub(super) poller: Poller,
    pub(super) probe: Option<Probe>,
    /// How often its future was woken to show that it is still polled, and was not.
    pub(super) probed: u16,
}

/// Names a note: its task, whether it is lasting, and a number.
pub(super) type Key = (NodeId, bool, u64);

/// The notes of a thread.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) notes: BTreeMap<Key, Note>,
    /// Tasks with notes, by their nursery's scope.
    pub(super) kept: BTreeSet<(NodeId, NodeId)>,
    /// Of tasks and parts of tasks that were looked at.
    pub(super) rounds: BTreeMap<(NodeId, NodeId), Round>,
    /// For how many polls they are spared, because a future in them was woken.
    pub(super) spared: BTreeMap<NodeId, u16>,
    pub(super) made: u64,
    /// The task that is polled, if it is to be polled again for a look, and for nothing else yet.
    pub(super) looked: Option<NodeId>,
}

thread_local! {
    // Never destroyed, so that destructors of other thread-locals can still ask.
    static NOTES: ManuallyDrop<RefCell<Notes>> = const {
        ManuallyDrop::new(RefCell::new(Notes {
            notes: BTreeMap::new(),
            kept: BTreeSet::new(),
            rounds: BTreeMap::new(),
            spared: BTreeMap::new(),
            made: 0,
            looked: None,
        }))
    };
    /// Whether there are any: what every poll asks.
    static ANY: Cell<bool> = const { Cell::new(false) };
}

/// Works on the notes of this thread. Nothing is woken inside.
pub(super) fn with<R>(f: impl FnOnce(&mut Notes) -> R) -> R {
    NOTES.with(|notes| {
        let mut notes = notes.borrow_mut();
        let result = f(&mut notes);
        ANY.set(notes.are_any());
        result
    })
}

/// Whether any task is kept by a note.
#[inline]
pub(crate) fn has_notes() -> bool {
    ANY.get()
}

/// The notes of one task.
pub(super) fn of(task: NodeId) -> RangeInclusive<Key> {
    (task, false, 0)..=(task, true, u64::MAX)
}

/// Those of them that are lasting, or the others.
pub(super) fn of_kind(task: NodeId, lasting: bool) -> RangeInclusive<Key> {
    (task, lasting, 0)..=(task, lasting, u64::MAX)
}

impl Notes {
    fn are_any(&mut self) -> bool {
        let any = !self.notes.is_empty() || !self.kept.is_empty() || !self.spared.is_empty();
        if !any {
            self.rounds.clear();
        }
        any
    }

    pub(super) fn remove_all(&mut self, keys: Vec<Key>) {
        keys.iter().for_each(|key| drop(self.notes.remove(key)));
    }

    /// A task is about to be polled. It may have been woken while it was to be polled already.
    pub(super) fn begin(&mut self, task: NodeId, disturbed: bool) {
        self.looked = None;
        if let Some(round) = self.rounds.get_mut(&(task, task)) {
            round.polls += 1;
        }
        if disturbed {
            let rounds = self.rounds.range_mut((task, NodeId::MIN)..=(task, NodeId::MAX));
            rounds.for_each(|(_, round)| round.disturbed = true);
        }
    }

    /// How often a task was polled since its notes were looked at first.
    pub(super) fn polls(&mut self, task: NodeId) -> u64 {
        self.rounds.entry((task, task)).or_default().polls
    }

    pub(super) fn spare(&mut self, tree: &mut Tree, scope: NodeId) {
        let mut index = tree.get(scope).map_or(NONE, |_| scope.index());
        while index != NONE && tree.at(index).reason.is_some() {
            let node = tree.at(index);
            let (role, parent) = (node.role, node.parent);
            if matches!(role, Role::Scope | Role::Task) {
                self.spared.extend(tree.id(index).map(|id| (id, FOREIGN_POLLS)));
            }
            index = if role == Role::Task { NONE } else { parent };
        }
    }

    /// Whether a scope is spared, which ends when its task is not to be polled again.
    pub(super) fn is_spared(&mut self, scope: NodeId, is_queued: bool) -> bool {
        let Some(left) = self.spared.get_mut(&scope) else { return false };
        *left -= 1;
        if *left == 0 || !is_queued {
            self.spared.remove(&scope);
        }
        is_queued
    }
}

/// A future that waits in a cancelled scope, inside a foreign combinator, was woken: its task, and
/// each part around it, is spared until that has had time to poll it.
#[cold]
pub(crate) fn spare(scope: NodeId) {
    tree::with(|tree| with(|notes| notes.spare(tree, scope)));
}

/// Something that a task polls, and that may be a reason to keep it. Most never are: what is needed
/// then is made when it is.
#[derive(Debug, Default)]
pub(crate) struct Attached(OnceCell<Box<Attachment>>);

#[derive(Debug, Default)]
struct Attachment {
    key: Cell<Option<Key>>,
    listener: RefCell<Listener>,
}

impl Attached {
    /// The code that runs now polls this, and waits: if that is cancelled, this is a reason to keep
    /// its task. In a foreign combinator it is polled once more when the task is cancelled, so that
    /// it can say so.
    #[inline]
    pub(crate) fn polled(&self, why: impl FnOnce() -> Why, cx: &Context<'_>) {
        let poller = Poller::of(cx);
        if poller != Poller::TASK {
            self.0.get_or_init(Box::default).listener.borrow_mut().listen(cx);
        }
        self.note(why, poller);
    }

    /// The same without a listener.
    #[inline]
    pub(crate) fn note(&self, why: impl FnOnce() -> Why, poller: Poller) {
        self.note_with(why, poller, None);
    }

    /// The same for a nursery, which owns a set.
    pub(crate) fn note_set(&self, why: Why, poller: Poller, set: SetId) {
        self.note_with(|| why, poller, Some(set));
    }

    #[inline]
    fn note_with(&self, why: impl FnOnce() -> Why, poller: Poller, set: Option<SetId>) {
        match super::current().filter(|here| super::is_in_cancelled(*here)) {
            Some(here) => self.0.get_or_init(Box::default).note(here, why(), poller, set),
            None => self.clear(),
        }
    }

    /// It is no reason any more. Its task is looked at again.
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
        self.erase();
        let listener = self.listener.borrow().scope().map(Probe::Listener);
        let probe = set.map(Probe::Set).or(listener);
        let found = tree::with(|tree| {
            let task = task_of(tree, scope.index())?;
            Some((task, is_part(tree, scope)))
        });
        let Some((task, is_part)) = found else { return };
        let note = Note { scope, is_part, why, poller, probe, probed: 0 };
        self.key.set(Some(with(|notes| {
            notes.made += 1;
            let key = (task, poller != Poller::TASK, notes.made);
            notes.notes.insert(key, note);
            key
        })));
    }

    fn erase(&self) -> Option<(NodeId, Note)> {
        let key = self.key.take()?;
        let note = with(|notes| notes.notes.remove(&key))?;
        Some((key.0, note))
    }

    /// It is no reason any more: what it kept is looked at again.
    fn end(&self) {
        let Some((task, note)) = self.erase() else { return };
        // If code in the task runs now, its poll ends with a look at what keeps it; and the same of
        // a part of it.
        if !is_running(task) {
            wake::wake(task);
        }
        let parts = tree::with(|tree| parts_around(tree, note.scope, task));
        if !parts.is_empty() {
            spare(note.scope);
            wake_all(parts);
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether between a cancelled scope and its task there is one that is not cancelled.
fn is_part(tree: &mut Tree, scope: NodeId) -> bool {
    let mut index = scope.index();
    while index != NONE && tree.at(index).role != Role::Task {
        index = tree.at(index).parent;
        if index != NONE && tree.at(index).reason.is_none() {
            return true;
        }
    }
    false
}

/// What the tasks of a nursery are kept by: each reason with its task, and with the part of that in
/// which it was noted.
pub(super) fn noted_in(tree: &mut Tree, nursery: NodeId) -> Vec<(NodeId, Why, Option<NodeId>)> {
    with(|notes| {
        let tasks = notes.kept.range((nursery, NodeId::MIN)..=(nursery, NodeId::MAX));
        let all = tasks.flat_map(|(_, task)| notes.notes.range(of(*task)));
        let valid = all.filter(|(_, note)| is_valid(tree, note));
        let reason = |((task, ..), note): (&Key, &Note)| {
            (*task, note.why.clone(), note.is_part.then_some(note.scope))
        };
        valid.map(reason).collect()
    })
}

/// A scope closes: what was noted of it as a task, or as a part of one, goes.
#[inline]
pub(super) fn forget(tree: &mut Tree, scope: NodeId) {
    if has_notes() {
        forget_notes(tree, scope);
    }
}

#[cold]
fn forget_notes(tree: &mut Tree, scope: NodeId) {
    let task = task_of(tree, scope.index());
    let nursery = tree.parent(scope);
    let nursery = tree.id(nursery);
    with(|notes| {
        nursery.into_iter().for_each(|nursery| _ = notes.kept.remove(&(nursery, scope)));
        notes.remove_all(notes.notes.range(of(scope)).map(|(key, _)| *key).collect());
        task.into_iter().for_each(|task| _ = notes.rounds.remove(&(task, scope)));
        notes.spared.remove(&scope);
    });
}

/// Forgets what was noted when a runtime has ended. Has nothing to give back before.
pub(super) fn trim(when: When) -> bool {
    if when == When::Ended {
        with(|notes| *notes = Notes::default());
    }
    false
}
