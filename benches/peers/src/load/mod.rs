//! The load: one bare ring loop, so that it costs less than any server does; and what it sees.

mod exchange;
mod flow;
mod idle;
mod open;
pub(crate) mod ring;
#[cfg(test)]
mod tests;

pub(crate) use exchange::{Exchange, closed};
pub(crate) use flow::{Ends, relay};
pub(crate) use idle::{connect, idle};
pub(crate) use open::open;

use crate::figures::{Latency, Measured, QUANTILES};
use crate::process::{Counting, ProcessClock};
use hdrhistogram::Histogram;
use std::io;
use std::process;
use std::time::{Duration, Instant};

/// How long the connections run before anything is counted, as a part of the time that is.
const WARM_UP: f64 = 0.2;

/// Bytes in a message.
pub(crate) const LENGTH: usize = 64;

/// Times, to three digits.
pub(crate) type Times = Histogram<u64>;

pub(crate) fn times() -> Times {
    // From a nanosecond to a minute.
    let mut times = Times::new_with_bounds(1, 60_000_000_000, 3).expect("these are bounds");
    times.auto(true);
    times
}

/// Records a time of at least a nanosecond.
fn record(times: &mut Times, time: Duration) {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    times.saturating_record(nanoseconds.max(1));
}

/// Looks at both sides.
pub(crate) struct Watch {
    server: ProcessClock,
    load: ProcessClock,
    counting: Option<Counting>,
}

/// The state of affairs at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    at: Instant,
    units: f64,
    server: Duration,
    load: Duration,
    calls: Option<[u64; 2]>,
}

impl Watch {
    pub(crate) fn new(server: u32, counts: bool) -> io::Result<Self> {
        let counting = counts.then(|| Counting::of(server)).transpose()?;
        Ok(Self {
            server: ProcessClock::of(server),
            load: ProcessClock::of(process::id()),
            counting,
        })
    }

    pub(crate) fn see(&mut self, units: f64) -> Seen {
        let calls = self.counting.as_mut().map(|counting| counting.read());
        Seen {
            calls: calls.map(|calls| calls.expect("counters can be read")),
            server: self.server.now(),
            load: self.load.now(),
            at: Instant::now(),
            units,
        }
    }
}

/// What was seen when counting began and when it ended, and the times in between.
pub(crate) struct Loaded {
    pub(crate) first: Seen,
    pub(crate) last: Seen,
    pub(crate) latency: Option<Times>,
    /// How late the load itself was.
    pub(crate) late: Option<Times>,
    /// The load never slept.
    pub(crate) spun: bool,
}

impl Loaded {
    /// As figures, and the system calls of all units.
    pub(crate) fn figures(&self) -> (Measured, Option<[f64; 2]>) {
        let Self { first, last, .. } = self;
        let elapsed = (last.at - first.at).as_secs_f64();
        let units = last.units - first.units;
        let share = |time: Duration| time.as_secs_f64() / elapsed;
        let server = last.server - first.server;
        let measured = Measured {
            rate: units / elapsed,
            cpu: server.as_secs_f64() * 1e9 / units,
            busy: share(server),
            load: (!self.spun).then(|| share(last.load - first.load)),
            latency: self.latency.as_ref().filter(|times| !times.is_empty()).map(latency),
            late: self.late.as_ref().map(|times| times.value_at_quantile(0.99) as f64),
            memory: None,
        };
        let calls = first.calls.zip(last.calls);
        let calls =
            calls.map(|(first, last)| [0, 1].map(|kind| (last[kind] - first[kind]) as f64 / units));
        (measured, calls)
    }
}

fn latency(times: &Times) -> Latency {
    let times_at = QUANTILES.map(|quantile| times.value_at_quantile(quantile) as f64);
    Latency { times: times_at, most: times.max() as f64 }
}
