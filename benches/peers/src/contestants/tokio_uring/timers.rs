//! Timers that are armed and dropped: those of Tokio, which runs below.

use super::super::common;
use crate::rows::TIMERS;
use std::time::Duration;

pub(super) fn arm(timers: u64) -> Duration {
    tokio_uring::start(common::arm(timers / TIMERS, TIMERS, tokio::time::sleep))
}
