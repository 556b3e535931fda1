//! Nestling.

mod accept;
mod axum;
mod cancel;
mod datagrams;
pub(super) mod echo;
mod files;
mod http;
mod http2;
mod messages;
mod proxy;
mod small_files;
mod spawn;
mod timers;

use super::common::DEPTH;
use super::{Absent, Program};
use crate::rows::Work;
use nestling::Runtime;

pub(super) fn program(work: Work) -> Result<Program, Absent> {
    Ok(match work {
        Work::Echo => Program::Streams(echo::read),
        Work::Idle => Program::Streams(echo::leases),
        Work::Datagrams => Program::Datagrams(datagrams::echo),
        Work::Accept => Program::Listener(accept::all),
        Work::Http => Program::Streams(http::serve),
        Work::Axum => Program::Listener(axum::all),
        Work::Http2 => Program::Listener(http2::all),
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
    Runtime::builder().build().expect("a runtime")
}
