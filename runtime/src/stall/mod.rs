//! Stalls: tasks that hold their core for longer than they may.
//!
//! ```text
//!   enter: task A ──▶ enter: task B, inside A ──▶ B's poll ends ──▶ A's poll ends
//!   ░░░░░░ A's own ░░░░░░│▒▒▒▒▒▒ B's own ▒▒▒▒▒▒▒▒│░░░░░ A's own ░░░░░│
//! ```
//!
//! Polls nest; each task answers for its own part. When its poll has ended, what was too long is
//! told to the instrument and kept for [`dump_tree`](crate::dump_tree); while it lasts, the
//! [watchdog](Watchdog) sees it from its own thread, even if it lasts for ever.
//!
//! Off, nothing of this runs: the question is part of the one that each poll asks for the
//! instrument. On, a poll costs two looks at the clock and two locks that no other thread wants.
//! The time is the machine's, whatever clock the core itself runs by: a stall is about its
//! processor.

mod watchdog;

use crate::config::STALLS_KEPT;
use crate::instrument::{self, Event};
use crate::label::Label;
use crate::sys;
use crate::table::{Trim, When};
use crate::tree::NodeId;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::time::Duration;

pub use watchdog::Stall;
pub(crate) use watchdog::{Holder, OnStall, Watchdog, Watched};

thread_local! {
    // Never destroyed: the guard of `watch` empties it.
    static CORE: ManuallyDrop<RefCell<Option<Arc<Watched>>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
    /// The polls that run, each inside the one before.
    static POLLS: ManuallyDrop<RefCell<VecDeque<Poll>>> =
        const { ManuallyDrop::new(RefCell::new(VecDeque::new())) };
    /// The last tasks that stalled, each with its longest time in nanoseconds.
    static STALLED: ManuallyDrop<RefCell<VecDeque<(NodeId, u64)>>> =
        const { ManuallyDrop::new(RefCell::new(VecDeque::new())) };
}

/// This thread's polls are timed until the guard goes.
pub(crate) fn watch(core: &Arc<Watched>) -> Watching {
    CORE.with(|current| current.replace(Some(Arc::clone(core))));
    instrument::time_polls(true);
    Watching(())
}

/// This thread's polls are timed. Ends with the guard.
#[derive(Debug)]
pub(crate) struct Watching(());

impl Drop for Watching {
    fn drop(&mut self) {
        instrument::time_polls(false);
        drop(CORE.with(|current| current.take()));
        STALLED.with(|stalled| stalled.take());
    }
}

/// Gives back what the tables of polls do not use. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    let polls = POLLS.with(|polls| polls.borrow_mut().trim(when));
    polls | STALLED.with(|stalled| stalled.borrow_mut().trim(when))
}

/// How long a task has held its core at most, if that was too long and the task is still kept.
pub(crate) fn longest(task: NodeId) -> Option<Duration> {
    STALLED.with(|stalled| {
        let stalled = stalled.borrow();
        let (_, held) = stalled.iter().find(|(other, _)| *other == task)?;
        Some(Duration::from_nanos(*held))
    })
}

fn keep(task: NodeId, held: u64) {
    STALLED.with(|stalled| {
        let mut stalled = stalled.borrow_mut();
        let before = stalled.iter().position(|(other, _)| *other == task);
        let before = before.and_then(|at| stalled.remove(at)).map_or(0, |(_, held)| held);
        if stalled.len() == STALLS_KEPT {
            stalled.pop_front();
        }
        stalled.push_back((task, held.max(before)));
    });
}

/// A poll of a task begins, and ends with the guard. `None` if polls are not timed.
#[cold]
#[inline(never)]
pub(crate) fn enter(task: NodeId, label: impl FnOnce() -> Option<Label>) -> Option<Timed> {
    let core = CORE.with(|current| current.borrow().clone())?;
    let began = sys::monotonic_ns();
    let label = label();
    let outer = core.begin(Holder { task: task.outside(), label, since: began, told: false });
    let poll = Poll { core, task, label, began, outer, inside: 0 };
    POLLS.with(|polls| polls.borrow_mut().push_back(poll));
    Some(Timed(()))
}

/// The innermost poll is timed. Ends with the guard, which takes no room: most polls are not.
#[derive(Debug)]
pub(crate) struct Timed(());

impl Drop for Timed {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        let poll = POLLS.with(|polls| polls.borrow_mut().pop_back()).expect("each ends once");
        poll.end();
    }
}

/// A poll that is timed.
#[derive(Debug)]
struct Poll {
    core: Arc<Watched>,
    task: NodeId,
    label: Option<Label>,
    began: u64,
    /// The poll around this one, as the watchdog sees it.
    outer: Option<Holder>,
    /// Nanoseconds of the polls inside this one.
    inside: u64,
}

impl Poll {
    fn end(self) {
        let all = sys::monotonic_ns().saturating_sub(self.began);
        POLLS.with(|polls| {
            let mut polls = polls.borrow_mut();
            polls.back_mut().into_iter().for_each(|outer| outer.inside += all);
        });
        // Of the poll around this one only its own time counts.
        self.core.end(self.outer.map(|outer| Holder { since: outer.since + all, ..outer }));
        let own = all.saturating_sub(self.inside);
        if own >= self.core.threshold() {
            keep(self.task, own);
            let (task, held) = (self.task.outside(), Duration::from_nanos(own));
            instrument::note(Event::Stalled { task, label: self.label, held });
        }
    }
}
