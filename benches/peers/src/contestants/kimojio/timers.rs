//! Timers that are armed and dropped, and that come due.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;
use kimojio::operations::{sleep, spawn_task};

pub(super) fn arm(timers: u64) -> Spent {
    super::run(common::arm(timers / TIMERS, TIMERS, sleep))
}

pub(super) fn due(timers: u64) -> Spent {
    super::run(common::due(timers, sleep, spawn_task))
}
