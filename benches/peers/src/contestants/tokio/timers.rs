//! Timers that are armed and dropped.

use super::super::common;
use crate::rows::TIMERS;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::sleep;

pub(super) fn arm(runtime: &Runtime, timers: u64) -> Duration {
    let spawned = runtime
        .spawn(async move { (0..timers / TIMERS).map(|_| common::arm(TIMERS, sleep)).sum() });
    runtime.block_on(spawned).expect("no panic")
}
