//! `yield_now`, `checkpoint` and `consume_budget`: let others run.

use crate::scope;
use crate::wake::budget;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

/// Goes behind everything else that is ready, including, after the turn's budget, what the kernel
/// has completed meanwhile.
///
/// # Cancellation
///
/// A cancelled task ends here: a loop that yields is a loop that can be cancelled.
///
/// # Examples
///
/// ```
/// nestling_runtime::block_on(async {
///     for _ in 0..3 {
///         nestling_runtime::yield_now().await;
///     }
/// });
/// ```
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        ready!(scope::poll_drop_point(cx));
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// A place where a long computation can be interrupted. Returns at once while the turn's budget of
/// polls lasts, which it uses up one by one; then it is a [`yield_now`].
///
/// # Cancellation
///
/// A cancelled task ends here.
///
/// # Examples
///
/// ```
/// nestling_runtime::block_on(async {
///     let mut sum = 0_u64;
///     for number in 0..10_000 {
///         sum += number;
///         nestling_runtime::checkpoint().await;
///     }
///     assert_eq!(sum, 49_995_000);
/// });
/// ```
pub async fn checkpoint() {
    budget::spend();
    let cancelled = scope::is_here_cancelled();
    if cancelled || !budget::left() {
        yield_now().await;
    }
}

/// Takes part in the core's budget of awaits, as every await of this library does: returns at once
/// while the turn has some left; then it goes behind everything else, as [`yield_now`] does, and
/// the core looks at completions, timers and signals.
///
/// This is for loops over futures of other libraries that may always be ready: those futures know
/// nothing of the budget, so such a loop never lets go of its core. Nor does code without an await,
/// such as a long computation: have it call [`checkpoint`], or run it on a thread of its own.
/// [`Builder::stall_threshold`](crate::Builder::stall_threshold) tells where such code is.
///
/// # Cancellation
///
/// Unlike `checkpoint`, it is not itself where a cancelled task ends: clean-up may use it. But the
/// awaits of such a task are few, so that a loop ends there.
///
/// # Examples
///
/// ```
/// nestling_runtime::block_on(async {
///     let (sender, receiver) = std::sync::mpsc::channel();
///     (0..1000).for_each(|number| sender.send(number).unwrap());
///     drop(sender);
///     let mut sum = 0;
///     while let Ok(number) = receiver.recv() {
///         sum += number;
///         nestling_runtime::consume_budget().await;
///     }
///     assert_eq!(sum, 499_500);
/// });
/// ```
pub async fn consume_budget() {
    budget::consume().await;
}

/// [`consume_budget`] for a future that is written by hand, which calls this before it returns what
/// it has at its first poll. `Pending`: the turn is over, the task is woken, and the future keeps
/// what it has for the next poll.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, poll_proceed};
/// use std::cell::RefCell;
/// use std::future::poll_fn;
/// use std::task::{Poll, ready};
///
/// let jobs = RefCell::new(Vec::from_iter(0..1000));
/// let next = || {
///     poll_fn(|cx| {
///         ready!(poll_proceed(cx));
///         Poll::Ready(jobs.borrow_mut().pop())
///     })
/// };
/// block_on(async { while next().await.is_some() {} });
/// assert!(jobs.into_inner().is_empty());
/// ```
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<()> {
    budget::proceed(cx)
}

/// For an await that surrounds others, which may take no part in the budget: counts how often such
/// awaits return at their first poll.
#[derive(Debug, Default)]
pub struct Surrounding {
    begun: bool,
    suspended: bool,
}

impl Surrounding {
    /// Polls the inner awaits. Before the first poll suspends once, if too many surrounding awaits
    /// had nothing to wait for in this turn.
    #[inline]
    pub fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        others: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if self.begun {
            return others(cx);
        }
        if !self.suspended && budget::begin(cx).is_pending() {
            self.suspended = true;
            return Poll::Pending;
        }
        self.begun = true;
        let polled = others(cx);
        if polled.is_ready() {
            budget::surrounded();
        }
        polled
    }
}
