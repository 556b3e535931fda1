//! `/metrics`: what the core has counted, as Prometheus reads it.

use nestling::Stats;
use std::fmt::Write;

/// One line for each counter, and what it is.
pub fn metrics(stats: &Stats) -> String {
    let counters = [
        ("submitted", "operations handed to the kernel", stats.submitted),
        ("completed", "operations that the kernel has ended", stats.completed),
        ("cancelled", "operations that ended because of a cancel", stats.cancelled),
        ("enters", "calls by which the core entered the kernel", stats.enters),
        ("lost", "successes of which no code has heard", stats.lost),
        ("leaked", "operations whose memory was leaked", stats.leaked),
    ];
    let mut text = String::new();
    for (name, help, value) in counters {
        let name = format!("nestling_{name}_total");
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n");
    }
    let name = "nestling_in_flight";
    let help = "operations that the kernel has";
    let value = stats.in_flight;
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    text
}
