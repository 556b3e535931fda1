//! The table at the end of a demonstration.

use std::fmt;
use std::time::Duration;

/// What is printed; `Display` is the table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) connections: usize,
    pub(crate) cores: usize,
    pub(crate) message_bytes: usize,
    pub(crate) elapsed: Duration,
    pub(crate) messages: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    /// Calls of `io_uring_enter` by the server's cores.
    pub(crate) enters: u64,
    pub(crate) descriptors_before: usize,
    pub(crate) descriptors_after: usize,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages = self.messages as f64;
        let per_second = (messages / self.elapsed.as_secs_f64()).round() as u64;
        let enters = self.enters as f64 / messages.max(1.0);
        writeln!(
            f,
            "\n{} connections, each with one message of {} bytes under way; serving cores: {}\n",
            self.connections, self.message_bytes, self.cores
        )?;
        row(f, "throughput", format_args!("{} messages/s", grouped(per_second)))?;
        row(f, "latency p50", micros(self.p50))?;
        row(f, "latency p99", micros(self.p99))?;
        row(f, "latency p99.9", micros(self.p999))?;
        row(f, "system calls per message", format_args!("{enters:.3} (io_uring_enter, server)"))?;
        row(f, "descriptors before", self.descriptors_before)?;
        write!(f, "  {:<26}{}", "descriptors after", self.descriptors_after)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {name:<26}{value}")
}

fn micros(latency: Duration) -> String {
    format!("{} µs", grouped(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)))
}

/// A number with a comma before every third digit from the end.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
