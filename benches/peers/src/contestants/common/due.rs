//! Timers that come due: as one turn after another finds them.

use super::{Spent, Start};
use crate::rows::DUE;
use std::time::{Duration, Instant};

/// The first one comes due after so long: until then, all are armed.
const FIRST: Duration = Duration::from_millis(20);
/// The measurement begins so long before.
const BEFORE: Duration = Duration::from_millis(4);
/// The last one comes due so long after the first.
const WITHIN: Duration = Duration::from_millis(4);

/// So often as `timers` say, has [`DUE`] tasks wait for a timer each. The timers come due in no
/// order, at the same times for all. What counts is the time from when all are armed until all
/// tasks were joined.
pub(in super::super) async fn due<S: Future, T: Future>(
    timers: u64,
    sleep: impl Fn(Duration) -> S,
    spawn: impl Fn(S) -> T,
) -> Spent {
    let mut sum = Spent::default();
    for _ in 0..timers / DUE {
        let first = Instant::now() + FIRST;
        let until = |moment: Instant| sleep(moment.saturating_duration_since(Instant::now()));
        let tasks: Vec<_> = times(first).map(|moment| spawn(until(moment))).collect();
        until(first - BEFORE).await;
        let start = Start::now();
        for task in tasks {
            drop(task.await);
        }
        sum += start.elapsed();
    }
    sum
}

/// When they come due.
fn times(first: Instant) -> impl Iterator<Item = Instant> {
    let mut state = 1_u64;
    (0..DUE).map(move |_| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        first + Duration::from_nanos((state >> 33) % WITHIN.as_nanos() as u64)
    })
}
