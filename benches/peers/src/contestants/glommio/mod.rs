//! Glommio: its sockets wait for readiness, by the ring.

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
use glommio::{LocalExecutor, LocalExecutorBuilder, Placement};

pub(super) fn program(work: Work) -> Result<Program, Absent> {
    Ok(match work {
        Work::Echo | Work::Idle => Program::Streams(echo::serve),
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
        Work::Timers => return Err("a task of it counts no more than 32,767 wakers"),
        Work::Due => Program::Alone(timers::due),
    })
}

/// The process is kept on its core already.
fn executor() -> LocalExecutor {
    LocalExecutorBuilder::new(Placement::Unbound).make().expect("an executor")
}
