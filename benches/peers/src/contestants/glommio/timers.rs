//! Timers that are armed and dropped.

use super::super::common;
use crate::rows::TIMERS;
use glommio::timer::Timer;
use std::time::Duration;

pub(super) fn arm(timers: u64) -> Duration {
    super::executor().run(common::arm(timers / TIMERS, TIMERS, Timer::new))
}
