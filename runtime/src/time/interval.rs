//! `Interval`: ticks at regular times, without drift.

use super::{Instant, Sleep, sleep_until};
use futures_core::Stream;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Ticks every `period`, for the first time at once. A tick that comes late does not move the
/// later ones; ticks that were missed altogether are left out.
///
/// # Panics
///
/// When `period` is zero.
///
/// # Examples
///
/// ```
/// use nestling_runtime::time::interval;
/// use std::time::Duration;
/// nestling_runtime::block_on(async {
///     let mut every = interval(Duration::from_millis(2));
///     let first = every.tick().await;
///     let second = every.tick().await;
///     assert_eq!(second - first, Duration::from_millis(2));
/// });
/// ```
pub fn interval(period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval needs a period");
    Interval { period, next: sleep_until(Instant::now()) }
}

/// A series of ticks. Made by [`interval`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::time::{Interval, interval};
/// let every: Interval = interval(std::time::Duration::from_secs(1));
/// assert_eq!(every.period().as_secs(), 1);
/// ```
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    next: Sleep,
}

impl Interval {
    /// Waits for the next tick; tells when it was due.
    ///
    /// # Cancellation
    ///
    /// Where the task ends, like a sleep. Dropping the future loses no tick.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }

    fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.next).poll(cx));
        let due = self.next.deadline();
        let behind = due.elapsed().as_nanos() / self.period.as_nanos();
        let missed = u32::try_from(behind).unwrap_or(u32::MAX);
        self.next = sleep_until(due + self.period.saturating_mul(missed.saturating_add(1)));
        Poll::Ready(due)
    }
}

impl Stream for Interval {
    type Item = Instant;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Instant>> {
        self.poll_tick(cx).map(Some)
    }
}
