//! Notes: why a cancelled task is kept for now, made by the futures that the task polls.
//!
//! A note is made when its future is polled. A future that was polled with the task's own waker is
//! polled again whenever the task is, so its note lasts until then. A future that was polled with a
//! foreign waker, inside a combinator, is polled when that waker was woken, so its note lasts until
//! that poll, or until the future is dropped (*lasting*).

use super::kept::is_valid;
use super::listeners::silence;
use super::polled::Polled;
use super::round::Round;
use super::status::{running_task, task_of};
use crate::config::FOREIGN_POLLS;
use crate::context;
use crate::table::When;
use crate::tree::{self, NONE, NodeId, Role, SetId, Tree};
use crate::wake::{self, Local, Waiter};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
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
    /// The task polls a shield.
    Shield,
    /// The task awaits the end of a child.
    Join(NodeId),
    /// The task polls a nursery in which tasks are kept: some by shields (`grounded`), or only for
    /// these handles, of children further out.
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
    /// The waiter by which the future is polled, if anything still polls it.
    pub(super) fn waiter(self, tree: &mut Tree) -> Waiter {
        match self {
            Self::Listener(scope) => silence(scope).map_or(Waiter::Nobody, Waiter::Foreign),
            Self::Set(set) => wake::owner(tree, set),
        }
    }
}

#[derive(Debug)]
pub(super) struct Note {
    /// The scope of the code that made the note.
    pub(super) scope: NodeId,
    /// The nursery of its task.
    pub(super) nursery: Option<NodeId>,
    /// That scope and the scopes around it, inside of its task, that may be cut by themselves.
    pub(super) parts: Vec<NodeId>,
    /// The scope of the note is cut by itself: around it in the task is a shield.
    pub(super) is_part: bool,
    pub(super) why: Why,
    pub(super) poller: Poller,
    pub(super) probe: Option<Probe>,
    /// How many polls of the task have passed without one of the future, since the future was woken
    /// to show that it is still polled.
    pub(super) probed: u16,
    /// The latest of the polls that `probed` counts.
    pub(super) probed_in: u64,
}

/// Names a note: its task, whether it is lasting, and a number.
pub(super) type Key = (NodeId, bool, u64);

impl Note {
    /// Whether the note is a reason by itself, not only as long as a child is kept.
    pub(super) fn is_grounded(&self) -> bool {
        matches!(self.why, Why::Shield | Why::Nursery { grounded: true, .. })
    }

    /// Whether a nursery has to settle the note.
    fn awaits_handles(&self) -> bool {
        match &self.why {
            Why::Shield => false,
            Why::Join(_) => true,
            Why::Nursery { joins, .. } => !joins.is_empty(),
        }
    }

    /// Where a nursery finds the note: among the grounded ones, and among those that await handles.
    fn places(&self, key: Key) -> impl Iterator<Item = (NodeId, bool, Key)> + use<> {
        let (grounded, awaits) = (self.is_grounded(), self.awaits_handles());
        let kinds = [(false, grounded), (true, awaits)].into_iter().filter(|(_, is)| *is);
        self.nursery.into_iter().zip(kinds).map(move |(nursery, (kind, _))| (nursery, kind, key))
    }
}

/// The notes of a thread.
#[derive(Debug)]
pub(super) struct Notes {
    pub(super) notes: BTreeMap<Key, Note>,
    /// The notes by nursery: first the grounded ones, then those that await handles.
    by_nursery: BTreeSet<(NodeId, bool, Key)>,
    /// The notes by the parts of their task that they were made in.
    by_part: BTreeSet<(NodeId, Key)>,
    /// The rounds of tasks and parts of tasks that were looked at.
    pub(super) rounds: BTreeMap<NodeId, Round>,
    /// When these scopes are looked at again.
    pub(super) due: BTreeSet<(u64, NodeId)>,
    /// The tasks that poll these scopes.
    pub(super) polled: BTreeMap<NodeId, Polled>,
    /// For how many polls a scope is spared, because a future in it was woken.
    pub(super) spared: BTreeMap<NodeId, u16>,
    pub(super) made: u64,
    /// When rechecks were last due: exact, where the time of a turn is a tick of the clock.
    pub(super) checked: u64,
}

impl Notes {
    pub(super) const fn new() -> Self {
        Self {
            notes: BTreeMap::new(),
            by_nursery: BTreeSet::new(),
            by_part: BTreeSet::new(),
            rounds: BTreeMap::new(),
            due: BTreeSet::new(),
            polled: BTreeMap::new(),
            spared: BTreeMap::new(),
            made: 0,
            checked: 0,
        }
    }
}

/// Works on the notes of this thread. Nothing is woken inside.
pub(super) fn with<R>(f: impl FnOnce(&mut Notes) -> R) -> R {
    context::with(|context| {
        let mut notes = context.scope.notes.borrow_mut();
        let result = f(&mut notes);
        context.scope.has_notes.set(notes.are_any());
        result
    })
}

/// Whether any task is kept by a note.
#[inline]
pub(crate) fn has_notes() -> bool {
    context::with(|context| context.scope.has_notes.get())
}

/// The notes of one task.
pub(super) fn of(task: NodeId) -> RangeInclusive<Key> {
    (task, false, 0)..=(task, true, u64::MAX)
}

/// The lasting notes of one task, or the others.
pub(super) fn of_kind(task: NodeId, lasting: bool) -> RangeInclusive<Key> {
    (task, lasting, 0)..=(task, lasting, u64::MAX)
}

impl Notes {
    fn are_any(&self) -> bool {
        !(self.notes.is_empty() && self.rounds.is_empty() && self.spared.is_empty())
    }

    /// Adds a note of a task, and names it.
    pub(super) fn add(&mut self, task: NodeId, note: Note) -> Key {
        self.made += 1;
        let key = (task, note.poller != Poller::TASK, self.made);
        self.by_nursery.extend(note.places(key));
        self.by_part.extend(note.parts.iter().map(|part| (*part, key)));
        self.notes.insert(key, note);
        key
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Note> {
        let note = self.notes.remove(&key)?;
        note.places(key).for_each(|place| _ = self.by_nursery.remove(&place));
        note.parts.iter().for_each(|part| _ = self.by_part.remove(&(*part, key)));
        Some(note)
    }

    /// The notes that were made in a scope, which is a task or a part of it: the lasting ones, or
    /// the others. Oldest first.
    pub(super) fn made_in(
        &self,
        (scope, task): (NodeId, NodeId),
        lasting: bool,
    ) -> impl DoubleEndedIterator<Item = Key> {
        let of_task = (scope == task).then(|| self.notes.range(of_kind(task, lasting)));
        let [first, last] = [0, u64::MAX].map(|number| (scope, (task, lasting, number)));
        let of_part = (scope != task).then(|| self.by_part.range(first..=last));
        let of_task = of_task.into_iter().flatten().map(|(key, _)| *key);
        of_task.chain(of_part.into_iter().flatten().map(|(_, key)| *key))
    }

    pub(super) fn remove_all(&mut self, keys: Vec<Key>) {
        keys.into_iter().for_each(|key| drop(self.remove(key)));
    }

    /// Whether a task is kept by more than the handles that it awaits.
    pub(super) fn is_grounded(&self, task: NodeId) -> bool {
        self.notes.range(of(task)).any(|(_, note)| note.is_grounded())
    }

    /// Whether any cancelled task of a nursery is [grounded](Self::is_grounded).
    pub(super) fn is_any_grounded(&self, tree: &mut Tree, nursery: NodeId) -> bool {
        self.kind_in(nursery, false).any(|(task, ..)| {
            tree.visit();
            is_cancelled(tree, task)
        })
    }

    /// For the end of which children the cancelled tasks of a nursery are kept: each task with its
    /// reason, and with the part of the task in which it was noted.
    pub(super) fn joins_in(
        &self,
        tree: &mut Tree,
        nursery: NodeId,
    ) -> Vec<(NodeId, Why, Option<NodeId>)> {
        let mut joins = Vec::new();
        for key in self.kind_in(nursery, true) {
            tree.visit();
            let (task, note) = (key.0, &self.notes[&key]);
            if is_cancelled(tree, task) && is_valid(tree, note) {
                joins.push((task, note.why.clone(), note.is_part.then_some(note.scope)));
            }
        }
        joins
    }

    fn kind_in(&self, nursery: NodeId, awaits: bool) -> impl Iterator<Item = Key> {
        let of = |task, lasting, number| (nursery, awaits, (task, lasting, number));
        let all = of(NodeId::MIN, false, 0)..=of(NodeId::MAX, true, u64::MAX);
        self.by_nursery.range(all).map(|(.., key)| *key)
    }

    /// A scope closes: its round goes.
    fn end_round(&mut self, scope: NodeId) {
        let Some(round) = self.rounds.remove(&scope) else { return };
        round.due.into_iter().for_each(|at| _ = self.due.remove(&(at, scope)));
        self.unpoll(round.poller);
    }

    /// A task polls one scope with a round less.
    fn unpoll(&mut self, task: NodeId) {
        if let Entry::Occupied(mut polled) = self.polled.entry(task) {
            polled.get_mut().rounds -= 1;
            if polled.get().rounds == 0 {
                polled.remove();
            }
        }
    }

    /// The round of a scope that a task polls, and how many events there were in that task.
    pub(super) fn round(&mut self, poller: NodeId, scope: NodeId) -> (&mut Round, u64) {
        let before = self.rounds.get(&scope).map(|round| round.poller);
        let (made, now) = (self.made, self.now());
        if before != Some(poller) {
            let polled = self.polled.entry(poller).or_default();
            polled.rounds += 1;
            let new = || Round::new(poller, made, now);
            let round = self.rounds.entry(scope).or_insert_with(new);
            round.begin(poller, polled.events);
            before.into_iter().for_each(|before| self.unpoll(before));
        }
        let round = self.rounds.get_mut(&scope).expect("it was made");
        (round, self.polled[&poller].events)
    }

    pub(super) fn spare(&mut self, tree: &mut Tree, scope: NodeId) {
        let mut index = tree.get(scope).map_or(NONE, |_| scope.index());
        while index != NONE && tree.at(index).is_cancelled() {
            let node = tree.at(index);
            let (role, parent) = (node.role(), node.parent());
            if matches!(role, Role::Scope | Role::Task) {
                self.spared.extend(tree.id(index).map(|id| (id, FOREIGN_POLLS)));
            }
            index = if role == Role::Task { NONE } else { parent };
        }
    }

    fn spare_no_more(&mut self, tree: &mut Tree) {
        self.spared.retain(|scope, _| {
            let task = task_of(tree, scope.index()).filter(|_| tree.get(*scope).is_some());
            task.is_some_and(|task| tree.at(task.index()).is_queued())
        });
    }

    /// Whether a scope is spared. Counts one poll; the scope is not spared any more when its task
    /// is not to be polled again.
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
/// each part around it, is spared until the combinator has had time to poll the future.
#[cold]
pub(crate) fn spare(scope: NodeId) {
    tree::with(|tree| with(|notes| notes.spare(tree, scope)));
}

fn is_cancelled(tree: &mut Tree, task: NodeId) -> bool {
    tree.get(task).is_some_and(|node| node.is_cancelled())
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
    let is_task = task_of(tree, scope.index()) == Some(scope);
    let above = tree.parent(scope);
    let around = if is_task { task_of(tree, above) } else { None };
    let polling = running_task(tree).filter(|_| is_task);
    with(|notes| {
        // The end of a child lets the code around it go on.
        around.into_iter().chain(polling).for_each(|task| notes.disturb(task));
        notes.remove_all(notes.notes.range(of(scope)).map(|(key, _)| *key).collect());
        notes.end_round(scope);
        notes.spared.remove(&scope);
    });
}

/// When a runtime has ended, forgets all notes; before that, does not spare tasks any more that are
/// not to be polled, such as the tasks of a forgotten nursery.
pub(super) fn trim(when: When) -> bool {
    match when {
        When::Ended => with(|notes| *notes = Notes::new()),
        When::Running if has_notes() => tree::with(|tree| with(|notes| notes.spare_no_more(tree))),
        When::Running => {}
    }
    false
}
