//! `Batching`: how many completions a core sleeps for.
//!
//! A sleep for one completion ends with the first of a burst, and takes one system call for that
//! alone (KERNEL 2.2). Under load a core may sleep for several, if it is allowed to keep the first
//! one waiting for a moment: the kernel returns when there are enough, or after the moment with
//! what there is.

use crate::ring::Batch;
use std::time::Duration;

/// Fewer completions between two sleeps are no load.
const LEAST: u32 = 4;
/// The most completions that one turn should have: the task of the last one waits for all before
/// it.
const MOST: u32 = 32;
/// Some kernels forget to look when the moment is over (liburing #1477): a sleep for several ends
/// after this, in nanoseconds, or two moments.
const BOUND_NS: u64 = 1_000_000;

/// What one core expects.
#[derive(Debug)]
pub(super) struct Batching {
    /// How long the first completion may wait, in microseconds.
    moment: u32,
    /// Completions since the last sleep.
    came: u32,
    expected: u32,
}

impl Batching {
    /// The first completion waits at most for this long; with zero, no sleep is for several.
    pub(super) fn new(moment: Duration) -> Self {
        let micros = moment.as_nanos().div_ceil(1_000);
        Self { moment: micros.try_into().unwrap_or(u32::MAX), came: 0, expected: 0 }
    }

    /// So many completions were reaped.
    pub(super) fn came(&mut self, count: usize) {
        self.came = self.came.saturating_add(count.try_into().unwrap_or(u32::MAX));
    }

    /// The core is about to sleep: for how many completions, and until when at the latest, if not
    /// for a single one.
    pub(super) fn begin(&mut self, now: impl FnOnce() -> u64) -> Option<(Batch, u64)> {
        if self.moment == 0 {
            return None;
        }
        // No completion at all is the end of the load, whatever came before.
        self.expected = if self.came == 0 { 0 } else { self.expected.midpoint(self.came) };
        self.came = 0;
        let bound = BOUND_NS.max(u64::from(self.moment) * 2_000);
        (self.expected >= LEAST).then(|| {
            let batch = Batch { least: self.expected.min(MOST), moment: self.moment };
            (batch, now().saturating_add(bound))
        })
    }
}
