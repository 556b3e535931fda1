//! Notes: why a cancelled task is kept for now, made by the futures that the task polls.
//!
//! A note is made when its future is polled. One that was polled with the task's own waker is
//! polled again whenever the task is, so its note lasts until then. One that was polled with a
//! foreign waker, inside a combinator, is polled when that waker was woken, so its note lasts until
//! that happens or the future is dropped (*lasting*).

use super::kept::is_valid;
use super::listeners::{Listener, silence};
use super::status::{is_running, task_of};
use crate::table::When;
use crate::tree::{self, NONE, NodeId, Role, SetId, Tree};
use crate::wake::{self, Local, Waiter};
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
    /// Has the future be polled, if it still is by anything.
    pub(super) fn wake(self) {
        match self {
            Self::Listener(scope) => silence(scope).map_or(Waiter::Nobody, Waiter::Foreign).wake(),
            Self::Set(set) => wake::wake_set(set),
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
    pub(super) probed: u8,
}

/// Names a note: its task, whether it is lasting, and a number.
pub(super) type Key = (NodeId, bool, u64);

/// What is known of the latest poll of a task with lasting notes, in numbers of notes.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Round {
    /// The first that could be made in it.
    pub(super) first: u64,
    /// The latest lasting one.
    pub(super) latest: u64,
    /// How many lasting ones there were when the poll ended, if the task was to be polled again at
    /// once: combinators do that after each round, and then poll nothing.
    pub(super) excused: Option<usize>,
}

/// The notes of a thread.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) notes: BTreeMap<Key, Note>,
    /// Tasks with notes, by their nursery's scope.
    pub(super) kept: BTreeSet<(NodeId, NodeId)>,
    pub(super) rounds: BTreeMap<NodeId, Round>,
    pub(super) made: u64,
}

thread_local! {
    // Never destroyed, so that destructors of other thread-locals can still ask.
    static NOTES: ManuallyDrop<RefCell<Notes>> = const {
        ManuallyDrop::new(RefCell::new(Notes {
            notes: BTreeMap::new(),
            kept: BTreeSet::new(),
            rounds: BTreeMap::new(),
            made: 0,
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
        ANY.set(!notes.notes.is_empty() || !notes.kept.is_empty());
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
    pub(super) fn remove_all(&mut self, keys: Vec<Key>) {
        keys.iter().for_each(|key| drop(self.notes.remove(key)));
    }

    /// A lasting note was made in the present poll of a task, or one was erased that may have been.
    fn latest(&mut self, (task, lasting, number): Key, made: bool) {
        if lasting && made {
            self.rounds.entry(task).or_default().latest = number;
        } else if lasting && let Some(round) = self.rounds.get_mut(&task) {
            round.latest = if round.latest == number { 0 } else { round.latest };
        }
    }
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
            attachment.erase(true);
        }
    }
}

impl Attachment {
    #[cold]
    fn note(&self, scope: NodeId, why: Why, poller: Poller, set: Option<SetId>) {
        self.erase(false);
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
            notes.latest(key, true);
            key
        })));
    }

    fn erase(&self, ended: bool) {
        let Some(key) = self.key.take() else { return };
        let erased = with(|notes| {
            if ended {
                notes.latest(key, false);
            }
            notes.notes.remove(&key).is_some()
        });
        // If code in the task runs now, its poll ends with a look at what keeps it.
        if erased && !is_running(key.0) {
            wake::wake(key.0);
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.erase(true);
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

/// A task is gone, and so is all that was noted of it.
#[inline]
pub(super) fn forget(tree: &Tree, task: NodeId, parent: u32) {
    if has_notes() {
        forget_notes(tree.id(parent), task);
    }
}

#[cold]
fn forget_notes(nursery: Option<NodeId>, task: NodeId) {
    with(|notes| {
        nursery.into_iter().for_each(|nursery| _ = notes.kept.remove(&(nursery, task)));
        notes.remove_all(notes.notes.range(of(task)).map(|(key, _)| *key).collect());
        notes.rounds.remove(&task);
    });
}

/// Forgets what was noted when a runtime has ended. Has nothing to give back before.
pub(super) fn trim(when: When) -> bool {
    if when == When::Ended {
        with(|notes| *notes = Notes::default());
    }
    false
}
