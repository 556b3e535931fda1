//! Timers that are armed and dropped.

use super::super::common;
use crate::rows::TIMERS;
use kimojio::operations::sleep;
use std::time::Duration;

pub(super) fn arm(timers: u64) -> Duration {
    super::run(common::arm(timers / TIMERS, TIMERS, sleep))
}
