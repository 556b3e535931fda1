//! The budget of a turn: how much may run before the core looks at completions, timers and
//! signals again. Two numbers, shared by all tasks of the core: polls of children, and awaits that
//! find what they wait for there already.
//!
//! ```text
//!   refill ──▶ polls: 128, awaits: 1024
//!                 │ a poll ends       │ an await returns at its first poll
//!                 ▼                   ▼
//!              polls: 0 ◀────────  awaits: 0, and one more is asked for: it wakes its task and
//!                 │                           suspends
//!              nurseries rest ──▶ the turn ends
//! ```
//!
//! An await that has suspended and was woken spends nothing: the poll of its task was counted.
//!
//! The poll of a cancelled task may be its last, and what is pending then is cut. So it is
//! [lent](lend) awaits of its own: those of the turn are not mistaken for an end, and a loop of
//! ready awaits does end.

use super::injector;
use super::stay::stay;
use crate::config::{AWAIT_BUDGET, LAST_POLL_AWAITS, LATE_TIMERS, POLL_BUDGET};
use std::cell::Cell;
use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll};

thread_local! {
    static POLLS: Cell<u32> = const { Cell::new(0) };
    /// Zero while some are lent, so that an await that spends has one number to look at.
    static AWAITS: Cell<u32> = const { Cell::new(0) };
    /// Awaits around code that is ready without one of ours; see [`begin`].
    static AROUND: Cell<u32> = const { Cell::new(0) };
    /// When the first await of the turn found its time passed already; zero: none has.
    static LATE_SINCE: Cell<u64> = const { Cell::new(0) };
    /// The lent awaits that are left.
    static LENT: Cell<Option<u32>> = const { Cell::new(None) };
    /// The awaits of the turn, while some are lent.
    static SET_ASIDE: Cell<u32> = const { Cell::new(0) };
}

/// A new turn begins.
pub(crate) fn refill() {
    POLLS.set(POLL_BUDGET);
    AWAITS.set(AWAIT_BUDGET);
    AROUND.set(2 * AWAIT_BUDGET);
    LATE_SINCE.set(0);
}

/// The turn is over: nurseries rest, and awaits that could return suspend.
fn end_turn() {
    POLLS.set(0);
    AWAITS.set(0);
}

// --- polls -----------------------------------------------------------------------------------

/// Whether the turn goes on: nurseries poll their children.
#[inline]
pub(crate) fn left() -> bool {
    POLLS.get() > 0
}

/// A poll has ended. It is not counted when it begins: on the way down through nurseries nothing
/// is spent, so that every turn gets to the bottom, however deep they are nested.
#[inline]
pub(crate) fn spend() {
    POLLS.set(POLLS.get().saturating_sub(1));
}

/// An await makes system calls before it returns: it counts as a poll, too.
pub(crate) fn works() {
    spend();
    if !left() {
        AWAITS.set(0);
    }
}

// --- awaits ----------------------------------------------------------------------------------

/// Asked by an await that could return at its first poll: spends one, if it may. If not, the turn
/// is over, and the await suspends, with its task woken.
#[inline]
pub(crate) fn may_return() -> bool {
    match AWAITS.get() {
        0 => may_return_still(),
        left => {
            AWAITS.set(left - 1);
            true
        }
    }
}

#[cold]
#[inline(never)]
fn may_return_still() -> bool {
    if let Some(left) = LENT.get() {
        LENT.set(Some(left.saturating_sub(1)));
        return left > 0;
    }
    if !injector::is_core() {
        // Not on a core: no other task shares the thread.
        return true;
    }
    end_turn();
    false
}

/// As [`may_return`], for an await that has to wake its task itself. With what was lent used up,
/// it does not: the task is cut there.
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
    if AWAITS.get() == 0 && is_cancelled() {
        return Poll::Ready(());
    }
    proceed_once(suspended, cx)
}

/// As [`proceed_once`], for an await whose time has passed already. What was done since the first
/// of them in this turn counts as well: a loop that is late does much work between two of them.
#[inline]
pub(crate) fn proceed_late(now: u64, suspended: &mut bool, cx: &Context<'_>) -> Poll<()> {
    let since = LATE_SINCE.get();
    if since == 0 {
        LATE_SINCE.set(now);
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
    match LENT.get() {
        Some(0) => stay(cx),
        None if AROUND.get() == 0 => begin_late(cx),
        _ => Poll::Ready(()),
    }
}

#[cold]
#[inline(never)]
fn begin_late(cx: &Context<'_>) -> Poll<()> {
    if !injector::is_core() {
        return Poll::Ready(());
    }
    end_turn();
    suspend(cx)
}

/// An await that surrounds others has returned at its first poll.
#[inline]
pub(crate) fn surrounded() {
    match LENT.get() {
        Some(left) => LENT.set(Some(left.saturating_sub(1))),
        None => AROUND.set(AROUND.get().saturating_sub(1)),
    }
}

// --- lending ---------------------------------------------------------------------------------

/// While it lives, awaits are taken from elsewhere.
#[derive(Debug)]
#[must_use = "what the turn has left comes back when this is dropped"]
pub(crate) struct Lent {
    before: Option<u32>,
}

/// Lends a few awaits to the poll of a task that is cancelled, which may be its last. They do not
/// count for the turn. When they are used up, one more suspends and wakes nothing.
pub(crate) fn lend() -> Lent {
    Lent { before: switch(Some(LAST_POLL_AWAITS)) }
}

/// Whether the awaits of the turn are set aside.
#[inline]
pub(crate) fn is_lent() -> bool {
    LENT.get().is_some()
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
    let from = LENT.replace(to);
    match (from, to) {
        (None, Some(_)) => SET_ASIDE.set(AWAITS.replace(0)),
        (Some(_), None) => AWAITS.set(SET_ASIDE.get()),
        _ => {}
    }
    from
}
