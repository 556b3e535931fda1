//! Timers that are armed and dropped.

use super::super::common;
use crate::rows::TIMERS;
use monoio::time::sleep;
use monoio::{IoUringDriver, RuntimeBuilder};
use std::time::Duration;

pub(super) fn arm(timers: u64) -> Duration {
    let builder = RuntimeBuilder::<IoUringDriver>::new().enable_timer();
    let mut runtime = builder.build().expect("a runtime");
    runtime.block_on(common::arm(timers / TIMERS, TIMERS, sleep))
}
