//! Timers that are armed and dropped.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;
use kimojio::operations::sleep;

pub(super) fn arm(timers: u64) -> Spent {
    super::run(common::arm(timers / TIMERS, TIMERS, sleep))
}
