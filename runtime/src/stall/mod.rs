//! Stalls: tasks that hold their core for longer than they may.
//!
//! ```text
//!   begin: task A ──▶ begin: task B, inside A ──▶ B's poll ends ──▶ A's poll ends
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
use crate::context;
use crate::instrument::{self, Event};
use crate::label::Label;
use crate::sys;
use crate::table::{Trim, When};
use crate::tree::NodeId;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

pub use watchdog::Stall;
pub(crate) use watchdog::{Holder, OnStall, Watchdog, Watched};

/// What a thread has for it.
pub(crate) struct PerThread {
    /// The polls that run, each inside the one before.
    polls: RefCell<VecDeque<Poll>>,
    /// The last tasks that stalled, each with its longest time in nanoseconds.
    stalled: RefCell<VecDeque<(NodeId, u64)>>,
}

impl PerThread {
    pub(crate) const fn new() -> Self {
        Self { polls: RefCell::new(VecDeque::new()), stalled: RefCell::new(VecDeque::new()) }
    }
}

/// Works on what this thread has.
fn with<R>(f: impl FnOnce(&PerThread) -> R) -> R {
    context::with(|context| f(&context.stall))
}

/// Gives back what the tables of polls do not use. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    with(|it| {
        let mut stalled = it.stalled.borrow_mut();
        if when == When::Ended {
            // Its stalls are of no interest any more.
            stalled.clear();
        }
        it.polls.borrow_mut().trim(when) | stalled.trim(when)
    })
}

/// How long a task has held its core at most, if that was too long and the task is still kept.
pub(crate) fn longest(task: NodeId) -> Option<Duration> {
    with(|it| {
        let stalled = it.stalled.borrow();
        let (_, held) = stalled.iter().find(|(other, _)| *other == task)?;
        Some(Duration::from_nanos(*held))
    })
}

fn keep(task: NodeId, held: u64) {
    with(|it| {
        let mut stalled = it.stalled.borrow_mut();
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
pub(crate) fn begin(task: NodeId, label: impl FnOnce() -> Option<Label>) -> Option<Timed> {
    let core = context::with_core(|core| core.watched.clone()).flatten()?;
    let began = sys::monotonic_ns();
    let label = label();
    let outer = core.begin(Holder { task: task.outside(), label, since: began, told: false });
    let poll = Poll { core, task, label, began, outer, inside: 0 };
    with(|it| it.polls.borrow_mut().push_back(poll));
    Some(Timed(()))
}

/// The innermost poll is timed. Ends with the guard, which takes no room: most polls are not.
#[derive(Debug)]
pub(crate) struct Timed(());

impl Drop for Timed {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        let poll = with(|it| it.polls.borrow_mut().pop_back()).expect("each ends once");
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
        with(|it| {
            let mut polls = it.polls.borrow_mut();
            polls.back_mut().into_iter().for_each(|outer| outer.inside += all);
        });
        // Of the poll around this one only its own time counts.
        self.core.end(self.outer.map(|outer| Holder { since: outer.since + all, ..outer }));
        let own = all.saturating_sub(self.inside);
        if own >= self.core.threshold() {
            keep(self.task, own);
            context::with_core(|core| core.counters.stalls.add(1));
            let (task, held) = (self.task.outside(), Duration::from_nanos(own));
            instrument::note(Event::Stalled { task, label: self.label, held });
        }
    }
}
