//! The budget of a turn: how much may run before the core looks at completions, timers and
//! signals again. Two numbers, shared by all tasks of the core: polls of children, and awaits that
//! find what they wait for there already.
//!
//! ```text
//!   1 refill ──▶ polls: 128, awaits: 1024
//!                 │ 2 spend: a poll   │ 3 may_return: an await returns at
//!                 ▼   has ended       ▼   its first poll
//!              polls: 0 ◀────────  awaits: 0, and one more is asked for: 5 suspend wakes its
//!                 │    4 end_turn             task, and it suspends
//!              nurseries rest ──▶ the turn ends
//! ```
//!
//! An await that has suspended and was woken spends nothing: the poll of its task was counted.
//!
//! The poll of a cancelled task may be its last, and what is pending then is cut. So it is
//! [lent](lend) awaits of its own: those of the turn are not mistaken for an end, and a loop of
//! ready awaits does end.

use super::stay::stay;
use crate::config::{AWAIT_BUDGET, BUSY_POLLS, LAST_POLL_AWAITS, LATE_TIMERS, POLL_BUDGET};
use crate::context;
use std::cell::Cell;
use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll};

/// The budget of a thread.
pub(super) struct Budget {
    polls: Cell<u32>,
    /// Zero while awaits are lent, so that an await that spends has one number to look at.
    awaits: Cell<u32>,
    /// Awaits around code that is ready without one of ours; see [`begin`].
    around: Cell<u32>,
    /// When an await of this turn first found that its time had passed already; zero: none has.
    late_since: Cell<u64>,
    /// The lent awaits that are left.
    lent: Cell<Option<u32>>,
    /// The awaits of the turn, while some are lent.
    set_aside: Cell<u32>,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self {
            polls: Cell::new(0),
            awaits: Cell::new(0),
            around: Cell::new(0),
            late_since: Cell::new(0),
            lent: Cell::new(None),
            set_aside: Cell::new(0),
        }
    }
}

/// Works on the budget of this thread.
#[inline(always)]
fn with<R>(f: impl FnOnce(&Budget) -> R) -> R {
    context::with(|context| f(&context.wake.budget))
}

/// A new turn begins.
pub(crate) fn refill() {
    with(|budget| {
        budget.polls.set(POLL_BUDGET);
        budget.awaits.set(AWAIT_BUDGET);
        budget.around.set(2 * AWAIT_BUDGET);
        budget.late_since.set(0);
    });
}

/// The turn is over: nurseries rest, and awaits that could return suspend.
fn end_turn() {
    with(|budget| {
        budget.polls.set(0);
        budget.awaits.set(0);
    });
}

// --- polls -----------------------------------------------------------------------------------

/// Whether the turn goes on: nurseries poll their children.
#[inline]
pub(crate) fn left() -> bool {
    with(|budget| budget.polls.get() > 0)
}

/// Whether so many polls of this turn are spent that something may have come meanwhile; or the turn
/// is over.
#[inline]
pub(crate) fn is_busy() -> bool {
    with(|budget| budget.polls.get() <= POLL_BUDGET - BUSY_POLLS)
}

/// A poll has ended. It is not counted when it begins: on the way down through nurseries nothing
/// is spent, so that every turn gets to the bottom, however deep they are nested.
#[inline]
pub(crate) fn spend() {
    with(|budget| budget.polls.set(budget.polls.get().saturating_sub(1)));
}

/// An await makes system calls before it returns: it counts as a poll, too.
pub(crate) fn works() {
    spend();
    if !left() {
        with(|budget| budget.awaits.set(0));
    }
}

// --- awaits ----------------------------------------------------------------------------------

/// Asked by an await that could return at its first poll: spends one, if it may. If not, the turn
/// is over, and the await suspends, with its task woken.
#[inline]
pub(crate) fn may_return() -> bool {
    with(|budget| match budget.awaits.get() {
        0 => may_return_still(budget),
        left => {
            budget.awaits.set(left - 1);
            true
        }
    })
}

#[cold]
#[inline(never)]
fn may_return_still(budget: &Budget) -> bool {
    if let Some(left) = budget.lent.get() {
        budget.lent.set(Some(left.saturating_sub(1)));
        return left > 0;
    }
    if !context::is_core() {
        // Not on a core: no other task shares the thread.
        return true;
    }
    end_turn();
    false
}

/// As [`may_return`], for an await that has to wake its task itself. When the lent awaits are used
/// up, it does not wake the task, which is cut there.
#[inline]
pub(crate) fn proceed(cx: &Context<'_>) -> Poll<()> {
    if may_return() { Poll::Ready(()) } else { suspend(cx) }
}

#[cold]
#[inline(never)]
fn suspend(cx: &Context<'_>) -> Poll<()> {
    if is_lent() {
        return stay(cx);
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// As [`proceed`], for an await that is asked again when it is polled again: it suspends once, so
/// that it gets on beside others in a combinator that polls those first.
#[inline]
pub(crate) fn proceed_once(suspended: &mut bool, cx: &Context<'_>) -> Poll<()> {
    if mem::take(suspended) {
        return Poll::Ready(());
    }
    let polled = proceed(cx);
    *suspended = polled.is_pending();
    polled
}

/// As [`proceed_once`], as an await of its own.
pub(crate) fn consume() -> impl Future<Output = ()> {
    let mut suspended = false;
    poll_fn(move |cx| proceed_once(&mut suspended, cx))
}

/// As [`proceed_once`], for an await that is there to answer once: in a cancelled scope, where
/// there are only so many of these, it spends nothing. `is_cancelled` is called only when awaits
/// have run out.
#[inline]
pub(crate) fn proceed_unless(
    is_cancelled: impl FnOnce() -> bool,
    suspended: &mut bool,
    cx: &Context<'_>,
) -> Poll<()> {
    if with(|budget| budget.awaits.get() == 0) && is_cancelled() {
        return Poll::Ready(());
    }
    proceed_once(suspended, cx)
}

/// As [`proceed_once`], for an await whose time has passed already. The time since the first such
/// await of this turn counts as well: a loop that is late does much work between two of them.
#[inline]
pub(crate) fn proceed_late(now: u64, suspended: &mut bool, cx: &Context<'_>) -> Poll<()> {
    let since = with(|budget| budget.late_since.get());
    if since == 0 {
        with(|budget| budget.late_since.set(now));
    } else if !*suspended && now.saturating_sub(since) > LATE_TIMERS {
        end_turn();
    }
    proceed_once(suspended, cx)
}

/// Asked by an await that surrounds others, before it first polls them.
///
/// The inner awaits may have to join a line at once. So the outer one suspends only when more of
/// its kind have returned at once in this turn than can have had an await in them: the budget would
/// have refused that.
#[inline]
pub(crate) fn begin(cx: &Context<'_>) -> Poll<()> {
    with(|budget| match budget.lent.get() {
        Some(0) => stay(cx),
        None if budget.around.get() == 0 => begin_late(cx),
        _ => Poll::Ready(()),
    })
}

#[cold]
#[inline(never)]
fn begin_late(cx: &Context<'_>) -> Poll<()> {
    if !context::is_core() {
        return Poll::Ready(());
    }
    end_turn();
    suspend(cx)
}

/// An await that surrounds others has returned at its first poll.
#[inline]
pub(crate) fn surrounded() {
    with(|budget| match budget.lent.get() {
        Some(left) => budget.lent.set(Some(left.saturating_sub(1))),
        None => budget.around.set(budget.around.get().saturating_sub(1)),
    });
}

// --- lending ---------------------------------------------------------------------------------

/// While this guard lives, awaits are taken from those that were lent, or from the turn again.
#[derive(Debug)]
#[must_use = "what the turn has left comes back when this is dropped"]
pub(crate) struct Lent {
    before: Option<u32>,
}

/// Lends a few awaits to the poll of a cancelled task, which may be its last. Lent awaits do not
/// count for the turn. When all are used up, the next await suspends and wakes nothing.
pub(crate) fn lend() -> Lent {
    Lent { before: switch(Some(LAST_POLL_AWAITS)) }
}

/// Whether the awaits of the turn are set aside.
#[inline]
pub(crate) fn is_lent() -> bool {
    with(|budget| budget.lent.get().is_some())
}

/// For code that is not cancelled, inside code that is: the awaits of the turn count, because the
/// inner code is not cut at a wait.
pub(crate) fn lend_nothing() -> Lent {
    Lent { before: switch(None) }
}

impl Drop for Lent {
    #[cold]
    fn drop(&mut self) {
        switch(self.before);
    }
}

fn switch(to: Option<u32>) -> Option<u32> {
    with(|budget| {
        let from = budget.lent.replace(to);
        match (from, to) {
            (None, Some(_)) => budget.set_aside.set(budget.awaits.replace(0)),
            (Some(_), None) => budget.awaits.set(budget.set_aside.get()),
            _ => {}
        }
        from
    })
}
