//! `Latencies`: how long messages took, in a table of fixed size.

use std::time::Duration;

/// Each power of two is split into so many steps, so a step is at most 1/32 of its value: 3 %.
const STEPS: u64 = 32;

/// Counts durations by their size. It takes the same memory for ten messages and for ten billion,
/// which a list to be sorted in the end would not.
#[derive(Debug)]
pub(crate) struct Latencies {
    counts: Vec<u64>,
    total: u64,
}

impl Latencies {
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; step(u64::MAX) + 1], total: 0 }
    }

    pub(crate) fn add(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.counts[step(nanos)] += 1;
        self.total += 1;
    }

    /// How many were counted.
    pub(crate) fn count(&self) -> u64 {
        self.total
    }

    /// So many thousandths of the messages took no longer than this; zero if there were none.
    pub(crate) fn at(&self, thousandths: u64) -> Duration {
        let rank = (u128::from(self.total) * u128::from(thousandths)).div_ceil(1000);
        let mut seen = 0;
        let found = self.counts.iter().position(|count| {
            seen += u128::from(*count);
            seen >= rank
        });
        found.map_or(Duration::ZERO, |step| Duration::from_nanos(start(step)))
    }
}

/// The step that a number of nanoseconds falls into.
fn step(nanos: u64) -> usize {
    // Up to twice `STEPS` each number has its own; above, the leading bits choose.
    let shift = (nanos / STEPS).checked_ilog2().unwrap_or(0);
    (u64::from(shift) * STEPS + (nanos >> shift)) as usize
}

/// The smallest number of nanoseconds in a step.
fn start(step: usize) -> u64 {
    let step = step as u64;
    let shift = (step / STEPS).saturating_sub(1);
    (step - shift * STEPS) << shift
}
