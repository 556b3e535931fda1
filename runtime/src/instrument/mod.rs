//! The instrument: a function of the user's that is told what happens on this thread.
//!
//! ```text
//!   nothing is borrowed:   tell ──┐
//!   something is:          note ──┴─▶ queue ─▶ flush ─▶ hook(&event)
//! ```
//!
//! Without a hook each place costs a load and a branch. With a hook, events come in the order in
//! which things happened: what is noted is told with the next event that may be told at once, and
//! at the latest at the end of the turn.

mod event;

use crate::context;
use crate::table::{Trim, When};
use crate::tree::NodeId;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

pub use event::{Ending, Event, Failure, Operation};

type Hook = Rc<dyn Fn(&Event)>;

/// Whether this thread has a hook.
#[derive(Default)]
enum Installed {
    #[default]
    No,
    Yes(Hook),
    /// The hook panicked, and its guard is still there.
    Broken,
}

/// What a thread has for it.
pub(crate) struct PerThread {
    /// What every place asks: whether events are told, which they are not while the hook runs; and
    /// whether polls are timed.
    on: Cell<u8>,
    installed: RefCell<Installed>,
    queue: RefCell<VecDeque<Event>>,
}

impl PerThread {
    pub(crate) const fn new() -> Self {
        Self {
            on: Cell::new(0),
            installed: RefCell::new(Installed::No),
            queue: RefCell::new(VecDeque::new()),
        }
    }
}

/// Works on what this thread has.
#[inline(always)]
fn with<R>(f: impl FnOnce(&PerThread) -> R) -> R {
    context::with(|context| f(&context.instrument))
}

/// Events are told.
const TOLD: u8 = 1;
/// Polls are timed, see `stall`.
const TIMED: u8 = 2;

fn set(bit: u8, on: bool) {
    with(|it| it.on.set(if on { it.on.get() | bit } else { it.on.get() & !bit }));
}

/// Has `hook` be told everything that happens on this thread, until the guard is dropped: see
/// [`Event`]. Call it before `block_on` to see all, or within a core's `main` for that core.
///
/// The hook runs between the steps of the runtime, with nothing of that borrowed. A hook may do
/// what it likes, such as [`dump_tree`](crate::dump_tree), cancel, or drop the guard; what it
/// causes is not told. A hook should be quick: the core does nothing else meanwhile. **A hook that
/// panics is not called again**; the program goes on.
///
/// While there is no hook, each event costs a load and a branch.
///
/// # Panics
///
/// If this thread has a hook already: install a third that calls both.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::{Ending, Event, instrument};
/// use std::{cell::Cell, rc::Rc};
///
/// let polls = Rc::new(Cell::new(0));
/// let counted = Rc::clone(&polls);
/// let guard = instrument(move |event| {
///     if matches!(event, Event::PollStarted { .. }) {
///         counted.set(counted.get() + 1);
///     }
/// });
/// nestling_runtime::block_on(async {});
/// drop(guard);
/// assert_eq!(polls.get(), 1);
/// ```
pub fn instrument(hook: impl Fn(&Event) + 'static) -> Instrumented {
    with(|it| {
        let mut installed = it.installed.borrow_mut();
        assert!(
            matches!(*installed, Installed::No),
            "this thread has an instrument already: call both from one"
        );
        *installed = Installed::Yes(Rc::new(hook));
    });
    set(TOLD, true);
    Instrumented(PhantomData)
}

/// This thread has an instrument. Ends with the guard, after the last event was told.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::{Instrumented, instrument};
/// let guard: Instrumented = instrument(|event| println!("{event:?}"));
/// nestling_runtime::block_on(async {});
/// drop(guard);
/// ```
#[must_use = "the instrument is taken away when this is dropped"]
pub struct Instrumented(PhantomData<*const ()>);

impl Drop for Instrumented {
    fn drop(&mut self) {
        flush();
        set(TOLD, false);
        let (installed, _) = with(|it| (it.installed.take(), it.queue.take()));
        // Last: the destructor of the hook may do anything.
        drop(installed);
    }
}

impl fmt::Debug for Instrumented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instrumented")
    }
}

/// Whether events are told.
#[inline(always)]
pub(crate) fn is_on() -> bool {
    with(|it| it.on.get() & TOLD != 0)
}

/// Whether polls are of interest, to be told or timed: one question for both.
#[inline(always)]
pub(crate) fn looks_at_polls() -> bool {
    with(|it| it.on.get() != 0)
}

/// Has polls be timed from now on, or not any more.
pub(crate) fn time_polls(on: bool) {
    set(TIMED, on);
}

/// Tells the hook what has happened, if there is one. Foreign code: nothing may be borrowed.
///
/// Ask [`is_on`] first where it has to be quick, so that the event is not even made.
#[cold]
#[inline(never)]
pub(crate) fn tell(event: Event) {
    note(event);
    flush();
}

/// Notes what has happened, to be told when nothing is borrowed.
#[cold]
#[inline(never)]
pub(crate) fn note(event: Event) {
    if is_on() {
        with(|it| it.queue.borrow_mut().push_back(event));
    }
}

/// Gives back what the queue of events does not use. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    with(|it| it.queue.borrow_mut().trim(when))
}

/// Tells what was noted. Foreign code: nothing may be borrowed.
#[inline(always)]
pub(crate) fn flush() {
    if is_on() {
        run_hook();
    }
}

#[cold]
#[inline(never)]
fn run_hook() {
    let Some(hook) = with(|it| match &*it.installed.borrow() {
        Installed::Yes(hook) => Some(Rc::clone(hook)),
        Installed::No | Installed::Broken => None,
    }) else {
        return;
    };
    // What the hook causes is not told: it would not end.
    set(TOLD, false);
    let told = catch_unwind(AssertUnwindSafe(|| {
        while let Some(event) = with(|it| it.queue.borrow_mut().pop_front()) {
            hook(&event);
        }
    }));
    let broken = with(|it| {
        let mut installed = it.installed.borrow_mut();
        match (&*installed, &told) {
            // The hook has dropped its guard.
            (Installed::No | Installed::Broken, _) => None,
            (Installed::Yes(_), Ok(())) => {
                set(TOLD, true);
                None
            }
            (Installed::Yes(_), Err(_)) => Some(mem::replace(&mut *installed, Installed::Broken)),
        }
    });
    // A panic in a destructor, of the hook or of what it has thrown, must not reach the core.
    let _ = catch_unwind(AssertUnwindSafe(|| drop((broken, hook, told))));
}

/// The polls of one task: the end of a poll is told if its start was.
#[derive(Debug, Default)]
pub(crate) struct Polls(Cell<bool>);

impl Polls {
    #[inline(always)]
    pub(crate) fn start(&self, task: NodeId) {
        if is_on() {
            self.0.set(true);
            tell(Event::PollStarted { task: task.outside() });
        }
    }

    /// The poll has ended. A caller that a panic may have cut short has to call this again.
    #[inline(always)]
    pub(crate) fn end(&self, task: NodeId) {
        if self.0.get() {
            self.0.set(false);
            tell(Event::PollEnded { task: task.outside() });
        }
    }
}
