//! The ready lists: which tasks are to be polled, and in which order.
//!
//! A task is a number here. Tasks that are polled together (the children and the body of one
//! nursery) form a *set*; a set belongs to whoever polls it, its *owner*.
//!
//! ```text
//!              wake                       next                    remove_task
//!   (new) ──────────────▶ Queued ──────────────────▶ Idle ─────────────────────▶ (gone)
//!             insert_task   ▲                         │
//!                           └─────────── wake ────────┘
//!
//!   Queued ── remove_task ──▶ Dead (still linked) ── next ──▶ (gone)
//! ```
//!
//! Waking a task links it into its set and then wakes the set's owner, unless the owner is polling
//! the set right now or is queued already: a batch of completions that readies k tasks costs one
//! descent from the root.

use super::Waiter;
use crate::config::POLL_BUDGET;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ptr;

/// The end of a list, and the set of a root.
const NONE: u32 = u32::MAX;

/// A task of this thread. Stale once the task has ended: every use of it then is a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskId {
    index: u32,
    generation: u32,
}

/// Tasks that are polled by one owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetId(u32);

#[derive(Debug)]
struct Task {
    generation: u32,
    set: u32,
    /// The task behind this one in the set's list.
    next: u32,
    state: State,
    /// What the set's owner needs to poll it; null for a root and for a body.
    payload: *const (),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Queued,
    Dead,
}

#[derive(Debug)]
struct Set {
    head: u32,
    tail: u32,
    /// Whoever polls this set, to be woken when its list stops being empty.
    owner: Waiter,
    /// The owner is polling the set: it will see what is added.
    open: bool,
}

#[derive(Debug)]
struct Ready {
    tasks: Slab<Task>,
    sets: Slab<Set>,
    generation: u32,
}

thread_local! {
    // Never destroyed, so that wakers in other thread-locals' destructors find it; `trim` frees it.
    static READY: ManuallyDrop<RefCell<Ready>> = const {
        let ready = Ready { tasks: Slab::new(), sets: Slab::new(), generation: 0 };
        ManuallyDrop::new(RefCell::new(ready))
    };
    static BUDGET: Cell<u32> = const { Cell::new(0) };
}

fn with<R>(f: impl FnOnce(&mut Ready) -> R) -> R {
    READY.with(|ready| f(&mut ready.borrow_mut()))
}

/// What `next` found in a set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Next {
    /// A task to be polled. It has left the list, so that a wake during its poll is kept.
    Task(TaskId, *const ()),
    /// Nothing is ready.
    Empty,
    /// The turn's budget is spent: come again after completions were looked at.
    Spent,
}

impl Ready {
    fn insert(&mut self, set: u32, state: State, payload: *const ()) -> TaskId {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let index = self.tasks.insert(Task { generation, set, next: NONE, state, payload });
        let index = u32::try_from(index).expect("2^32 tasks do not fit into memory");
        TaskId { index, generation }
    }

    fn get(&mut self, id: TaskId) -> Option<&mut Task> {
        let task = self.tasks.get_mut(id.index as usize)?;
        (task.generation == id.generation && task.state != State::Dead).then_some(task)
    }

    fn push(&mut self, set: u32, index: u32) {
        let set = &mut self.sets[set as usize];
        match std::mem::replace(&mut set.tail, index) {
            NONE => set.head = index,
            last => self.tasks[last as usize].next = index,
        }
    }

    fn pop(&mut self, set: u32) -> Option<u32> {
        let set = &mut self.sets[set as usize];
        let index = set.head;
        if index == NONE {
            return None;
        }
        set.head = std::mem::replace(&mut self.tasks[index as usize].next, NONE);
        if set.head == NONE {
            set.tail = NONE;
        }
        Some(index)
    }

    /// Queues a task and its owners. What is returned has to be woken outside the borrow: a
    /// foreign waker runs foreign code.
    fn wake(&mut self, mut id: TaskId) -> Waiter {
        loop {
            let Some(task) = self.get(id) else { return Waiter::Nobody };
            if task.state == State::Queued {
                return Waiter::Nobody;
            }
            task.state = State::Queued;
            let set = task.set;
            if set == NONE {
                return Waiter::Nobody;
            }
            self.push(set, id.index);
            match self.owner_to_wake(set) {
                Waiter::Task(owner) => id = owner,
                other => return other,
            }
        }
    }

    fn owner_to_wake(&mut self, set: u32) -> Waiter {
        let set = &mut self.sets[set as usize];
        match &set.owner {
            _ if set.open => Waiter::Nobody,
            Waiter::Task(owner) => Waiter::Task(*owner),
            // Registered anew when the owner is polled, which is what this wake leads to.
            Waiter::Foreign(_) | Waiter::Nobody => set.owner.take(),
        }
    }
}

/// Adds the task that a `block_on` polls. It starts queued.
pub(crate) fn insert_root() -> TaskId {
    with(|ready| ready.insert(NONE, State::Queued, ptr::null()))
}

/// Adds a task to a set. It starts idle: wake it for its first poll.
pub(crate) fn insert_task(set: SetId, payload: *const ()) -> TaskId {
    with(|ready| ready.insert(set.0, State::Idle, payload))
}

/// Takes a task out; all its ids are stale from now on.
pub(crate) fn remove_task(id: TaskId) {
    with(|ready| {
        let Some(task) = ready.get(id) else { return };
        if task.state == State::Queued && task.set != NONE {
            task.state = State::Dead;
        } else {
            ready.tasks.remove(id.index as usize);
        }
    });
}

/// The payload of a task that has not been removed.
pub(crate) fn payload(id: TaskId) -> Option<*const ()> {
    with(|ready| ready.get(id).map(|task| task.payload))
}

/// Takes a root's readiness: whether it is to be polled now.
pub(crate) fn take_queued(root: TaskId) -> bool {
    with(|ready| {
        ready
            .get(root)
            .is_some_and(|task| std::mem::replace(&mut task.state, State::Idle) == State::Queued)
    })
}

/// Whether a task is to be polled.
pub(crate) fn is_queued(task: TaskId) -> bool {
    with(|ready| ready.get(task).is_some_and(|task| task.state == State::Queued))
}

/// Makes a task ready. Harmless when it is ready already or has ended.
pub(crate) fn wake(id: TaskId) {
    let waiter = with(|ready| ready.wake(id));
    waiter.wake();
}

/// Makes an empty set without an owner.
pub(crate) fn new_set() -> SetId {
    let set = Set { head: NONE, tail: NONE, owner: Waiter::Nobody, open: false };
    with(|ready| SetId(ready.sets.insert(set) as u32))
}

/// Takes a set out. Its tasks must have been removed.
pub(crate) fn remove_set(set: SetId) {
    with(|ready| {
        while let Some(index) = ready.pop(set.0) {
            let task = ready.tasks.remove(index as usize);
            debug_assert_eq!(task.state, State::Dead, "a set is removed after its tasks");
        }
        ready.sets.remove(set.0 as usize);
    });
}

/// The owner starts to poll the set, and is woken through `cx` from when it rests.
pub(crate) fn open_set(set: SetId, cx: &std::task::Context<'_>) {
    let waiter = Waiter::of(cx);
    let old = with(|ready| {
        let set = &mut ready.sets[set.0 as usize];
        set.open = true;
        std::mem::replace(&mut set.owner, waiter)
    });
    // A foreign waker's destructor is foreign code: outside the borrow.
    drop(old);
}

/// The owner stops polling the set. What is still queued wakes it again.
pub(crate) fn rest_set(set: SetId) {
    let waiter = with(|ready| {
        let this = &mut ready.sets[set.0 as usize];
        this.open = false;
        if this.head == NONE { Waiter::Nobody } else { ready.owner_to_wake(set.0) }
    });
    waiter.wake();
}

/// Wakes the owner of a set, without a task: the set itself has news.
pub(crate) fn wake_set(set: SetId) {
    let waiter = with(|ready| match ready.sets.contains(set.0 as usize) {
        true => ready.owner_to_wake(set.0),
        false => Waiter::Nobody,
    });
    waiter.wake();
}

/// Whether tasks of a set wait to be polled.
pub(crate) fn is_ready(set: SetId) -> bool {
    with(|ready| ready.sets.get(set.0 as usize).is_some_and(|set| set.head != NONE))
}

/// Takes the next ready task out of a set's list, if the turn's budget allows another poll.
pub(crate) fn next(set: SetId) -> Next {
    with(|ready| {
        loop {
            if ready.sets[set.0 as usize].head == NONE {
                return Next::Empty;
            }
            if !budget::spend() {
                return Next::Spent;
            }
            let index = ready.pop(set.0).expect("the list was not empty");
            let task = &mut ready.tasks[index as usize];
            if task.state == State::Dead {
                ready.tasks.remove(index as usize);
                continue;
            }
            task.state = State::Idle;
            return Next::Task(TaskId { index, generation: task.generation }, task.payload);
        }
    })
}

/// Gives the memory of empty tables back, when a core ends.
pub(crate) fn trim() {
    with(|ready| {
        if ready.tasks.is_empty() {
            ready.tasks = Slab::new();
        }
        if ready.sets.is_empty() {
            ready.sets = Slab::new();
        }
    });
}

/// The polls that are left in this turn, shared by all nurseries of the core.
pub(crate) mod budget {
    use super::{BUDGET, POLL_BUDGET};

    /// A new turn begins.
    pub(crate) fn refill() {
        BUDGET.set(POLL_BUDGET);
    }

    /// Takes one poll, if there is one left.
    pub(super) fn spend() -> bool {
        let left = BUDGET.get();
        BUDGET.set(left.saturating_sub(1));
        left > 0
    }
}
