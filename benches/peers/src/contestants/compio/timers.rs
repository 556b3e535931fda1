//! Timers that are armed and dropped, and that come due.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;
use compio::time::sleep;

pub(super) fn arm(timers: u64) -> Spent {
    super::runtime().block_on(common::arm(timers / TIMERS, TIMERS, sleep))
}

pub(super) fn due(timers: u64) -> Spent {
    super::runtime().block_on(common::due(timers, sleep, compio::runtime::spawn))
}
