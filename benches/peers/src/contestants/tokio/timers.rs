//! Timers that are armed and dropped, and that come due.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;
use tokio::runtime::Runtime;
use tokio::time::sleep;

pub(super) fn arm(runtime: &Runtime, timers: u64) -> Spent {
    let arming = runtime.spawn(common::arm(timers / TIMERS, TIMERS, sleep));
    runtime.block_on(arming).expect("no panic")
}

pub(super) fn due(runtime: &Runtime, timers: u64) -> Spent {
    let waiting = runtime.spawn(common::due(timers, sleep, tokio::spawn));
    runtime.block_on(waiting).expect("no panic")
}
