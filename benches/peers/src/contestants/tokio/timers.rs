//! Timers that are armed and dropped.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;
use tokio::runtime::Runtime;
use tokio::time::sleep;

pub(super) fn arm(runtime: &Runtime, timers: u64) -> Spent {
    let arming = runtime.spawn(common::arm(timers / TIMERS, TIMERS, sleep));
    runtime.block_on(arming).expect("no panic")
}
