//! Messages between two runtimes, each on a core, by a channel that works with any.

use super::super::common::{BOUND, Spent, channels, on_two_cores};
use async_channel::bounded;
use tokio_uring::start;

pub(super) fn one_way(messages: u64) -> Spent {
    let (there, here) = bounded(BOUND);
    let (done, ended) = bounded(1);
    on_two_cores(
        || start(channels::send(messages, there, ended)),
        || start(channels::take(here, done)),
    )
}

pub(super) fn round_trip(messages: u64) -> Spent {
    let (there, here) = bounded(1);
    let (back, answers) = bounded(1);
    on_two_cores(
        || start(channels::ask(messages, there, answers)),
        || start(channels::answer(here, back)),
    )
}
