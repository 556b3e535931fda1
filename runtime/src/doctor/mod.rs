//! The doctor: makes every check that starting makes, one at a time, and says how each went.
//!
//! ```text
//!   ring.rs    the ring's own set-up, step by step; then whether it behaves
//!   limits.rs  cores, locked memory, descriptors, threads
//!   mod.rs     at last a real start on all cores
//! ```
//!
//! Nothing here decides anything for a runtime: what the doctor finds is what starting meets.

mod limits;
mod report;
mod ring;

pub use report::{Check, Report, Verdict};

use crate::config::Config;
use crate::cores::{self, Builder};
use crate::diagnosis::Facts;
use crate::ring::Switch;
use std::io;

/// Examines the machine: every check that is made when a runtime starts, the limits that a server
/// meets, and a start on all cores. Takes some milliseconds, during which it blocks the thread; up
/// to a second more for each start that lacks locked memory, as starting itself would.
///
/// The doctor needs no privileges, and may be called anywhere, also where a runtime runs. It does
/// not panic, whatever is missing: a check that cannot be made says why.
///
/// # Examples
///
/// ```
/// let report = nestling_runtime::doctor();
/// println!("{report}");
/// if !report.is_healthy() {
///     eprintln!("no server can be started here");
/// }
/// ```
pub fn doctor() -> Report {
    let config = Config::default();
    let facts = Facts::read();
    let mut checks = ring::examine(&config);
    let cores = cores::all();
    let count = cores.as_ref().map_or(1, Vec::len);
    checks.push(limits::cores(&cores));
    checks.push(limits::locked_memory(&config, &facts, count));
    checks.push(limits::descriptors(&facts, count));
    checks.push(limits::threads(&facts));
    checks.push(start());
    Report { facts, switch: Switch::read(), checks }
}

/// Starts all cores as a server does, with nothing to do.
fn start() -> Check {
    match Builder::default().run(async |core| Ok::<_, io::Error>(core.id())) {
        Ok(ids) => Check::passed("start", format!("{} ran, and were joined", limits::many(&ids))),
        Err(error) => Check::failed("start", &error),
    }
}
