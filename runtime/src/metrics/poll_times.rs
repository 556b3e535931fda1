//! `PollTimes`: how long tasks were polled, as a histogram.

use crate::counters::Count;
use std::time::Duration;

/// The bounds of the buckets in nanoseconds: a poll of a typical task takes a microsecond, and one
/// that takes a second is a stall.
const BOUNDS: [u64; 13] = [
    1_000,
    3_000,
    10_000,
    30_000,
    100_000,
    300_000,
    1_000_000,
    3_000_000,
    10_000_000,
    30_000_000,
    100_000_000,
    300_000_000,
    1_000_000_000,
];

/// How long polls took: a task's own time, without that of the tasks which are polled inside it.
/// See [`Metrics::poll_times`](super::Metrics::poll_times).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::{Runtime, inspect::instrument, metrics::Metrics};
/// let metrics = Metrics::new();
/// let counted = instrument(metrics.count_tasks());
/// Runtime::builder().metrics(&metrics).build()?.block_on(async {});
/// let times = metrics.poll_times();
/// let slow = times.buckets().filter(|(bound, _)| bound.is_none_or(|it| it.as_millis() > 10));
/// println!("{} of {} polls took over 10 ms", slow.map(|(_, polls)| polls).sum::<u64>(),
///     times.count());
/// assert_eq!(times.count(), 1); // that of the future of `block_on`
/// # drop(counted);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PollTimes {
    polls: [u64; BOUNDS.len() + 1],
    /// In nanoseconds.
    sum: u64,
}

impl PollTimes {
    /// How many polls there were.
    pub fn count(&self) -> u64 {
        self.polls.iter().sum()
    }

    /// How long all polls took together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum)
    }

    /// The buckets: so many polls took no longer than the bound, and longer than the bound before.
    /// The last one has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let bounds = BOUNDS.map(|bound| Some(Duration::from_nanos(bound)));
        bounds.into_iter().chain([None]).zip(self.polls)
    }

    pub(super) fn plus(mut self, other: Self) -> Self {
        self.polls.iter_mut().zip(other.polls).for_each(|(polls, more)| *polls += more);
        self.sum += other.sum;
        self
    }
}

/// The numbers of [`PollTimes`], on the thread that counts them.
#[derive(Debug, Default)]
pub(super) struct PollCounts {
    polls: [Count; BOUNDS.len() + 1],
    sum: Count,
}

impl PollCounts {
    /// A poll took so many nanoseconds.
    pub(super) fn add(&self, time: u64) {
        let bucket = BOUNDS.iter().position(|bound| time <= *bound).unwrap_or(BOUNDS.len());
        self.polls[bucket].add(1);
        self.sum.add(time);
    }

    pub(super) fn read(&self) -> PollTimes {
        PollTimes { polls: self.polls.each_ref().map(Count::get), sum: self.sum.get() }
    }
}
