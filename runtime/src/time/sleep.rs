//! `Sleep`: a future that resolves when the clock has reached a moment.

use super::Instant;
use crate::driver::{self, DriverRef, TimerKey};
use crate::scope;
use crate::wake::{Waiter, budget};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Waits for `duration`, counted from this call, not from the first poll; `Duration::MAX` is for
/// ever.
///
/// # Cancellation
///
/// A cancelled sleep never returns early: it is where the task ends.
///
/// # Panics
///
/// When polled outside a runtime.
///
/// # Examples
///
/// ```
/// use nestling_runtime::time::{Instant, sleep};
/// use std::time::Duration;
/// nestling_runtime::block_on(async {
///     let start = Instant::now();
///     sleep(Duration::from_millis(5)).await;
///     assert!(start.elapsed() >= Duration::from_millis(5));
/// });
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(Instant::now() + duration)
}

/// Waits until `deadline`; a moment that has passed is reached at once, or in the core's next turn
/// when the budget of this one is spent.
///
/// # Cancellation
///
/// A cancelled sleep never returns early: it is where the task ends.
///
/// # Panics
///
/// When polled outside a runtime.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, armed: None, suspended: false, past_turn: false }
}

/// As [`sleep_until`], but never over before the core has turned to the kernel, also with a moment
/// that has passed: the kernel has looked by then at what was submitted until the first poll.
pub fn sleep_past_turn_until(deadline: Instant) -> Sleep {
    let mut sleep = sleep_until(deadline);
    sleep.past_turn = true;
    sleep
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::time::{Instant, Sleep, sleep_until};
/// let sleep: Sleep = sleep_until(Instant::now());
/// nestling_runtime::block_on(sleep);
/// ```
#[derive(Debug)]
#[must_use = "a sleep does nothing unless it is awaited"]
pub struct Sleep {
    deadline: Instant,
    /// Where the timer runs, from the first poll on.
    armed: Option<(DriverRef, TimerKey)>,
    /// The deadline had passed already, when the turn was over.
    suspended: bool,
    /// Timers expire between a turn's tasks and its look at the kernel, and tasks run after that.
    past_turn: bool,
}

impl Sleep {
    /// When the sleep resolves.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// A timer runs with the runtime that it was armed in. If the sleep is polled in another
    /// runtime, its timer is armed anew there: the first runtime may never turn again.
    fn leave_other_runtime(&mut self) {
        if let Some((armed, _)) = &self.armed
            && driver::current().is_some_and(|here| !Rc::ptr_eq(&here, armed))
        {
            self.disarm();
        }
    }

    fn disarm(&mut self) {
        if let Some((driver, key)) = self.armed.take() {
            let waiter = driver.borrow_mut().disarm(key);
            drop(waiter);
        }
    }

    fn arm(&mut self, cx: &Context<'_>) -> Poll<()> {
        let driver = driver::expect_current("a sleep");
        ready!(scope::poll_drop_point(cx));
        let deadline = self.deadline.as_nanos();
        if !self.past_turn
            && let Some(now) = driver.borrow().now_if_past(deadline)
        {
            return budget::proceed_late(now, &mut self.suspended, cx);
        }
        // Before the borrow: to keep a foreign waker runs foreign code.
        let waiter = Waiter::of(cx);
        let key = driver.borrow_mut().arm(deadline, waiter);
        self.armed = Some((driver, key));
        Poll::Pending
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.leave_other_runtime();
        let Some((driver, key)) = &self.armed else { return self.arm(cx) };
        // Made before the borrow, and dropped after it: foreign wakers run foreign code in both.
        let mut waiter = Waiter::of(cx);
        let runs = driver.borrow_mut().poll_timer(*key, &mut waiter);
        if runs {
            return Poll::Pending;
        }
        self.armed = None;
        Poll::Ready(())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.disarm();
    }
}
