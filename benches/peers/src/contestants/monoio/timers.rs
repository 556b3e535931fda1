//! Timers that are armed and dropped.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;
use monoio::time::sleep;
use monoio::{IoUringDriver, RuntimeBuilder};

pub(super) fn arm(timers: u64) -> Spent {
    let builder = RuntimeBuilder::<IoUringDriver>::new().enable_timer();
    let mut runtime = builder.build().expect("a runtime");
    runtime.block_on(common::arm(timers / TIMERS, TIMERS, sleep))
}
