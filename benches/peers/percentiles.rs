//! Times as a line: the median, the tail, and the worst.

use std::fmt;
use std::time::Duration;

/// Times in order.
pub(crate) struct Percentiles(Vec<Duration>);

impl Percentiles {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many of a thousand do not exceed.
    fn at(&self, per_mille: usize) -> Duration {
        let index = (self.0.len() * per_mille / 1_000).min(self.0.len() - 1);
        self.0[index]
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = |time: Duration| time.as_secs_f64() * 1e6;
        let (p50, p99, p999) = (us(self.at(500)), us(self.at(990)), us(self.at(999)));
        let most = us(self.at(1_000));
        write!(f, "{:7} times, us: p50 {p50:9.1}  p99 {p99:9.1}  p99.9 {p999:9.1}", self.0.len())?;
        write!(f, "  most {most:9.1}")
    }
}
