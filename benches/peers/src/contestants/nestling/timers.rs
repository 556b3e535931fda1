//! Timers that are armed and dropped.

use super::super::common;
use crate::rows::TIMERS;
use nestling::time::sleep;
use std::time::Duration;

pub(super) fn arm(timers: u64) -> Duration {
    super::runtime().block_on(async { (0..timers / TIMERS).map(|_| common::arm(TIMERS, sleep)).sum() })
}
