//! Timers that are armed and dropped, and that come due.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;
use monoio::time::{TimeDriver, sleep};
use monoio::{IoUringDriver, Runtime, RuntimeBuilder};

pub(super) fn arm(timers: u64) -> Spent {
    runtime().block_on(common::arm(timers / TIMERS, TIMERS, sleep))
}

pub(super) fn due(timers: u64) -> Spent {
    runtime().block_on(common::due(timers, sleep, monoio::spawn))
}

fn runtime() -> Runtime<TimeDriver<IoUringDriver>> {
    RuntimeBuilder::<IoUringDriver>::new().enable_timer().build().expect("a runtime")
}
