//! The bare epoll loop, by mio: the limit of what waits for readiness.

mod accept;
mod datagrams;
mod echo;
mod proxy;

use super::{Absent, Program};
use crate::rows::Work;

pub(super) fn program(work: Work) -> Result<Program, Absent> {
    match work {
        Work::Echo | Work::Idle => Ok(Program::Streams(echo::serve)),
        Work::Datagrams => Ok(Program::Datagrams(datagrams::echo)),
        Work::Accept => Ok(Program::Listener(accept::all)),
        Work::Axum | Work::Http2 => Err(""),
        Work::Proxy => Ok(Program::Pairs(proxy::serve)),
        Work::Files | Work::SmallFiles | Work::OneSmallFile => Err("files are always ready"),
        Work::Cancel => Err("nothing is in flight"),
        Work::Http | Work::Spawn | Work::Yield => Err("a loop without tasks"),
        Work::OneWay | Work::RoundTrip | Work::Timers | Work::Due => Err("a loop without tasks"),
    }
}
