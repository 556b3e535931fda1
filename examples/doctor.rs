//! Says what the machine has, and what a server would miss: every start-up check with its result
//! and the remedy. It exits with 0 if a server can be started here, and with 1 if not. Try:
//!
//! ```text
//! cargo run --example doctor
//! taskset -c 0 cargo run --example doctor                  # one core only
//! prlimit --nofile=64 cargo run --example doctor           # room for few connections
//! setpriv --reuid=65534 --clear-groups prlimit --memlock=65536 target/debug/examples/doctor
//! ```

mod support;

use crate::support::say;
use std::process::ExitCode;

fn main() -> ExitCode {
    let report = nestling::doctor();
    say(report.to_string().trim_end());
    if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
