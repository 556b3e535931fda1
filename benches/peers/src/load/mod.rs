//! The load: one bare ring loop, so that it costs less than any server does; and what it sees.

mod cycles;
mod exchange;
mod flow;
mod h2load;
mod idle;
mod open;
pub(crate) mod ring;
#[cfg(test)]
mod tests;

pub(crate) use cycles::cycles;
pub(crate) use exchange::{Exchange, closed};
pub(crate) use flow::{Ends, relay};
pub(crate) use h2load::{h2load, missing as h2load_missing};
pub(crate) use idle::{connect, idle, sockets};
pub(crate) use open::open;

use crate::figures::{Calls, Latency, Measured, QUANTILES};
use crate::process::{Counted, Counting, ProcessClock};
use hdrhistogram::Histogram;
use std::process;
use std::time::{Duration, Instant};

/// How long the connections run before anything is counted, as a part of the time that is.
const WARM_UP: f64 = 0.2;

/// How long what is under way in the end may take.
const PATIENCE: Duration = Duration::from_secs(10);

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
    counting: Option<Result<Counting, String>>,
}

/// The state of affairs at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    at: Instant,
    units: f64,
    server: Duration,
    load: Duration,
    calls: Option<Counted>,
}

impl Watch {
    pub(crate) fn new(server: u32, counts: bool) -> Self {
        Self {
            server: ProcessClock::of(server),
            load: ProcessClock::of(process::id()),
            counting: counts.then(|| Counting::of(server)),
        }
    }

    pub(crate) fn see(&mut self, units: f64) -> Seen {
        let counting = self.counting.as_mut();
        Seen {
            calls: counting
                .map(|counting| counting.as_mut().map_err(|error| error.clone())?.read()),
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
    /// As figures, and the system calls of a unit.
    pub(crate) fn figures(self) -> (Measured, Option<Result<Calls, String>>) {
        let Self { first, last, .. } = &self;
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
        let calls = self.first.calls.zip(self.last.calls).map(|(first, last)| {
            let (first, last) = (first?, last?);
            Ok(Calls::of([0, 1].map(|kind| last[kind] - first[kind]), units))
        });
        (measured, calls)
    }
}

fn latency(times: &Times) -> Latency {
    let times_at = QUANTILES.map(|quantile| times.value_at_quantile(quantile) as f64);
    Latency { times: times_at, most: times.max() as f64 }
}
