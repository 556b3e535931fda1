//! Timers that are armed and dropped, and that come due.

use super::super::common::{self, Spent};
use crate::rows::TIMERS;
use nestling::nursery;
use nestling::time::sleep;
use std::io;

pub(super) fn arm(timers: u64) -> Spent {
    super::runtime().block_on(common::arm(timers / TIMERS, TIMERS, sleep))
}

pub(super) fn due(timers: u64) -> Spent {
    super::runtime().block_on(async {
        nursery(async |n| {
            Ok::<_, io::Error>(common::due(timers, sleep, |timer| n.spawn(timer)).await)
        })
        .await
        .expect("no child fails")
    })
}
