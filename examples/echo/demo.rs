//! The demonstration: server and load in one process, over real TCP connections.

use crate::listening::Address;
use crate::load::{self, MESSAGE, Measured};
use crate::options::{DemoOptions, Options};
use crate::say;
use crate::server;
use crate::table::Table;
use nestling::{Cores, Stats};
use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

/// Runs it, and prints the table.
///
/// # Errors
///
/// Server or load failed, an echo was wrong, or descriptors were left open.
pub(crate) fn run(demo: &DemoOptions) -> io::Result<()> {
    let descriptors_before = open_descriptors()?;
    let (measured, cores) = measure(demo)?;
    let descriptors_after = open_descriptors()?;
    let Measured { latencies, elapsed } = measured;
    say(Table {
        connections: demo.connections,
        cores: cores.len(),
        message_bytes: MESSAGE,
        elapsed,
        messages: latencies.count(),
        p50: latencies.at(500),
        p99: latencies.at(990),
        p999: latencies.at(999),
        enters: cores.iter().map(|stats| stats.enters).sum(),
        descriptors_before,
        descriptors_after,
    });
    if descriptors_after != descriptors_before {
        return Err(io::Error::other("descriptors were left open"));
    }
    Ok(())
}

/// Starts the server, loads it, stops it. Nothing of either is left when this returns.
fn measure(demo: &DemoOptions) -> io::Result<(Measured, Vec<Stats>)> {
    let service = server::service(&Options {
        listen: vec![Address::Tcp((Ipv4Addr::LOCALHOST, 0).into())],
        cores: Cores::Count(demo.cores),
        limit: demo.limit,
        drain: demo.drain,
    })?;
    let serving = thread::Builder::new().name("echo-demo".to_owned()).spawn({
        let service = Arc::clone(&service);
        let cores = Cores::Count(demo.cores);
        move || {
            let outcome = server::run(&service, cores);
            // If it never got ready, the load shall not wait for it.
            service.ready().raise();
            outcome
        }
    })?;
    let address = service.addresses().next().expect("one was reserved");
    let measured = load::run(address, demo.connections, demo.duration, service.ready());
    service.stop().raise();
    let served = serving.join().unwrap_or_else(|payload| resume_unwind(payload));
    // If both failed, the server was first.
    let cores = served?;
    Ok((measured?, cores))
}

/// Descriptors that this process has open; the one that is counting is one of them each time.
fn open_descriptors() -> io::Result<usize> {
    fs::read_dir("/proc/self/fd").map(Iterator::count)
}
