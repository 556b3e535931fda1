//! The bare ring: a loop without a runtime, with the flags that Nestling uses. What is lost to it
//! is what a runtime costs.

mod accept;
mod cancel;
mod datagrams;
mod echo;
mod files;
mod proxy;
mod small_files;

use super::common::DEPTH;
use super::{Absent, Program};
use crate::rows::Work;

pub(super) fn program(work: Work) -> Result<Program, Absent> {
    match work {
        Work::Echo | Work::Idle => Ok(Program::Streams(echo::serve)),
        Work::Datagrams => Ok(Program::Datagrams(datagrams::echo)),
        Work::Accept => Ok(Program::Listener(accept::all)),
        Work::Axum | Work::Http2 => Err(""),
        Work::Proxy => Ok(Program::Pairs(proxy::serve)),
        Work::Files => Ok(Program::Alone(files::read)),
        Work::SmallFiles => Ok(Program::Alone(|files| small_files::read(files, DEPTH))),
        Work::OneSmallFile => Ok(Program::Alone(|files| small_files::read(files, 1))),
        Work::Cancel => Ok(Program::Alone(cancel::receives)),
        Work::Http | Work::Spawn | Work::Yield => Err("a loop without tasks"),
        Work::OneWay | Work::RoundTrip | Work::Timers | Work::Due => Err("a loop without tasks"),
    }
}
