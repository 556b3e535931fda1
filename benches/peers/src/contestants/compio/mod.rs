//! compio, with its io_uring driver.

mod accept;
mod cancel;
mod datagrams;
mod echo;
mod files;
mod http;
mod messages;
mod proxy;
mod small_files;
mod spawn;
mod timers;

use super::common::DEPTH;
use super::{Absent, Program};
use crate::rows::Work;
use compio::runtime::Runtime;

pub(super) fn program(work: Work) -> Result<Program, Absent> {
    Ok(match work {
        Work::Echo => Program::Streams(echo::serve),
        Work::Idle => Program::Streams(echo::lean),
        Work::Datagrams => Program::Datagrams(datagrams::echo),
        Work::Accept => Program::Listener(accept::all),
        Work::Http => Program::Streams(http::serve),
        Work::Axum | Work::Http2 => return Err(""),
        Work::Proxy => Program::Pairs(proxy::serve),
        Work::Files => Program::Alone(files::read),
        Work::SmallFiles => Program::Alone(|files| small_files::read(files, DEPTH)),
        Work::OneSmallFile => Program::Alone(|files| small_files::read(files, 1)),
        Work::Spawn => Program::Alone(spawn::join),
        Work::Yield => Program::Alone(spawn::with_a_yield),
        Work::Cancel => Program::Alone(cancel::receives),
        Work::OneWay => Program::Alone(messages::one_way),
        Work::RoundTrip => Program::Alone(messages::round_trip),
        Work::Timers => Program::Alone(timers::arm),
        Work::Due => Program::Alone(timers::due),
    })
}

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}
