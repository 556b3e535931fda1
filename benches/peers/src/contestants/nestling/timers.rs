//! Timers that are armed and dropped.

use super::super::common;
use crate::rows::TIMERS;
use nestling::time::sleep;
use std::time::Duration;

pub(super) fn arm(timers: u64) -> Duration {
    super::runtime().block_on(common::arm(timers / TIMERS, TIMERS, sleep))
}
