//! tokio-uring.

mod accept;
mod datagrams;
mod echo;
mod files;
mod messages;
mod proxy;
mod small_files;
mod spawn;
mod timers;

use super::common::DEPTH;
use super::{Absent, Program};
use crate::rows::Work;

pub(super) fn program(work: Work) -> Result<Program, Absent> {
    Ok(match work {
        Work::Echo | Work::Idle => Program::Streams(echo::serve),
        Work::Datagrams => Program::Datagrams(datagrams::echo),
        Work::Accept => Program::Listener(accept::all),
        Work::Http => return Err("it has no way to hyper"),
        Work::Axum | Work::Http2 => return Err(""),
        Work::Proxy => Program::Pairs(proxy::serve),
        Work::Files => Program::Alone(files::read),
        Work::SmallFiles => Program::Alone(|files| small_files::read(files, DEPTH)),
        Work::OneSmallFile => Program::Alone(|files| small_files::read(files, 1)),
        Work::Spawn => Program::Alone(spawn::join),
        Work::Yield => Program::Alone(spawn::with_a_yield),
        Work::Cancel => return Err("a receive that is dropped stays with the kernel"),
        Work::OneWay => Program::Alone(messages::one_way),
        Work::RoundTrip => Program::Alone(messages::round_trip),
        Work::Timers => Program::Alone(timers::arm),
        Work::Due => Program::Alone(timers::due),
    })
}
