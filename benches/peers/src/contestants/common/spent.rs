//! What work has taken, in time and in CPU time of the process.

use crate::process::ProcessClock;
use std::ops::AddAssign;
use std::process;
use std::time::{Duration, Instant};

/// What work has taken.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) elapsed: Duration,
    pub(crate) cpu: Duration,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.cpu += other.cpu;
    }
}

/// When work has begun.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    clock: ProcessClock,
    cpu: Duration,
    at: Instant,
}

impl Start {
    pub(crate) fn now() -> Self {
        let clock = ProcessClock::of(process::id());
        Self { clock, cpu: clock.now(), at: Instant::now() }
    }

    pub(crate) fn elapsed(self) -> Spent {
        Spent { elapsed: self.at.elapsed(), cpu: self.clock.now() - self.cpu }
    }
}
