//! Timers that are armed and dropped, and that come due: those of Tokio, which runs below.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;

pub(super) fn arm(timers: u64) -> Spent {
    tokio_uring::start(common::arm(timers / TIMERS, TIMERS, tokio::time::sleep))
}

pub(super) fn due(timers: u64) -> Spent {
    tokio_uring::start(common::due(timers, tokio::time::sleep, tokio_uring::spawn))
}
