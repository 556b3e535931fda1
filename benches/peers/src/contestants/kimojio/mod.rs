//! kimojio.

mod accept;
mod echo;
mod files;
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
        Work::Datagrams => return Err("it knows addresses of datagrams as raw memory only"),
        Work::Accept => Program::Listener(accept::all),
        Work::Http => return Err("it has no way to hyper"),
        Work::Axum | Work::Http2 => return Err(""),
        Work::Proxy => Program::Pairs(proxy::serve),
        Work::Files => Program::Alone(files::read),
        Work::SmallFiles => Program::Alone(|files| small_files::read(files, DEPTH)),
        Work::OneSmallFile => Program::Alone(|files| small_files::read(files, 1)),
        Work::Spawn => Program::Alone(spawn::join),
        Work::Yield => Program::Alone(spawn::with_a_yield),
        Work::Cancel => return Err("to abort a task is to panic in it"),
        Work::OneWay | Work::RoundTrip => return Err("it has no channel between threads"),
        Work::Timers => Program::Alone(timers::arm),
        Work::Due => Program::Alone(timers::due),
    })
}

/// Runs to the end, and gives what comes out.
fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    match kimojio::run(0, main) {
        Some(Ok(output)) => output,
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => panic!("the loop was shut down"),
    }
}
