//! Tokio: its current-thread runtime, and the one that has a thread for each core it may use.

mod accept;
mod axum;
mod cancel;
mod datagrams;
mod echo;
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
use tokio::runtime::{Builder, Runtime};

pub(super) fn program(work: Work) -> Result<Program, Absent> {
    Ok(match work {
        Work::Echo => Program::Streams(|streams, how| echo::serve(&current(), streams, how)),
        Work::Idle => Program::Streams(|streams, how| echo::lean(&current(), streams, how)),
        Work::Datagrams => {
            Program::Datagrams(|socket, how| datagrams::echo(&current(), socket, how))
        }
        Work::Accept => Program::Listener(|listener, _| accept::all(&current(), listener)),
        Work::Http => Program::Streams(|streams, how| http::serve(&current(), streams, how)),
        Work::Axum => Program::Listener(|listener, _| axum::all(&current(), listener)),
        Work::Http2 => Program::Listener(|listener, _| http2::all(&current(), listener)),
        Work::Proxy => Program::Pairs(|pairs, how| proxy::serve(&current(), pairs, how)),
        Work::Files => Program::Alone(|reads| files::read(&current(), reads)),
        Work::SmallFiles => Program::Alone(|files| small_files::read(&current(), files, DEPTH)),
        Work::OneSmallFile => Program::Alone(|files| small_files::read(&current(), files, 1)),
        Work::Spawn => Program::Alone(|tasks| spawn::join(&current(), tasks)),
        Work::Yield => Program::Alone(|tasks| spawn::with_a_yield(&current(), tasks)),
        Work::Cancel => Program::Alone(|receives| cancel::receives(&current(), receives)),
        Work::OneWay => Program::Alone(messages::one_way),
        Work::RoundTrip => Program::Alone(messages::round_trip),
        Work::Timers => Program::Alone(|timers| timers::arm(&current(), timers)),
        Work::Due => Program::Alone(|timers| timers::due(&current(), timers)),
    })
}

pub(super) fn multi(work: Work) -> Result<Program, Absent> {
    Ok(match work {
        Work::Echo => Program::Streams(|streams, how| echo::serve(&several(), streams, how)),
        Work::Idle => Program::Streams(|streams, how| echo::lean(&several(), streams, how)),
        Work::Datagrams => {
            Program::Datagrams(|socket, how| datagrams::echo(&several(), socket, how))
        }
        Work::Accept => Program::Listener(|listener, _| accept::all(&several(), listener)),
        Work::Http => Program::Streams(|streams, how| http::serve(&several(), streams, how)),
        Work::Axum => Program::Listener(|listener, _| axum::all(&several(), listener)),
        Work::Http2 => Program::Listener(|listener, _| http2::all(&several(), listener)),
        Work::Proxy => Program::Pairs(|pairs, how| proxy::serve(&several(), pairs, how)),
        Work::Files => Program::Alone(|reads| files::read(&several(), reads)),
        Work::SmallFiles => Program::Alone(|files| small_files::read(&several(), files, DEPTH)),
        Work::OneSmallFile => Program::Alone(|files| small_files::read(&several(), files, 1)),
        Work::Spawn => Program::Alone(|tasks| spawn::join(&several(), tasks)),
        Work::Yield => Program::Alone(|tasks| spawn::with_a_yield(&several(), tasks)),
        Work::Cancel => Program::Alone(|receives| cancel::receives(&several(), receives)),
        Work::OneWay => Program::Alone(messages::one_way_within),
        Work::RoundTrip => Program::Alone(messages::round_trip_within),
        Work::Timers => Program::Alone(|timers| timers::arm(&several(), timers)),
        Work::Due => Program::Alone(|timers| timers::due(&several(), timers)),
    })
}

fn current() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn several() -> Runtime {
    Builder::new_multi_thread().enable_all().build().expect("a runtime")
}
