//! Timers that are armed and dropped.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;
use nestling::time::sleep;

pub(super) fn arm(timers: u64) -> Spent {
    super::runtime().block_on(common::arm(timers / TIMERS, TIMERS, sleep))
}
