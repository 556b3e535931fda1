//! Timers that come due.

use super::super::common::{self, Spent};
use glommio::spawn_local;
use glommio::timer::sleep;

pub(super) fn due(timers: u64) -> Spent {
    super::executor().run(common::due(timers, sleep, spawn_local))
}
