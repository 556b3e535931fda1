//! The load of HTTP/2: `h2load`, a program of the project nghttp2.

use super::{Loaded, Watch};
use crate::process::ProcessClock;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const H2LOAD: &str = "/usr/bin/h2load";
/// Requests at a time on each connection.
const STREAMS: usize = 8;

/// Why it cannot be had, if so.
pub(crate) fn missing() -> Option<&'static str> {
    (!Path::new(H2LOAD).exists())
        .then_some("h2load is not installed: apt-get install nghttp2-client")
}

/// Loads the server for so long, its connections included.
pub(crate) fn h2load(
    address: SocketAddr,
    connections: usize,
    measured: Duration,
    watch: &mut Watch,
) -> io::Result<Loaded> {
    let first = watch.see(0.0);
    let mut process = Command::new(H2LOAD)
        .args(["--clients", &connections.to_string()])
        .args(["--max-concurrent-streams", &STREAMS.to_string()])
        .args(["--duration", &format!("{}ms", measured.as_millis())])
        .arg(format!("http://{address}/"))
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    let output = process.stdout.take().map(|mut output| output.read_to_string(&mut said));
    // It has ended, and is there until it is waited for.
    let load = ProcessClock::of(process.id()).now();
    process.wait()?;
    output.transpose()?;
    let (units, rate) = figures(&said)
        .ok_or_else(|| io::Error::other(format!("h2load did not have all it asked for: {said}")))?;
    let mut last = watch.see(units);
    last.at = first.at + Duration::from_secs_f64(units / rate);
    last.load = first.load + load;
    Ok(Loaded { first, last, latency: None, late: None, spun: false })
}

/// How many requests were answered, and how many a second; unless some were not, or none.
pub(super) fn figures(said: &str) -> Option<(f64, f64)> {
    let line = |start: &str| said.lines().find_map(|line| line.strip_prefix(start));
    let rate = line("finished in ")?.split(", ").find_map(|part| part.strip_suffix(" req/s"))?;
    let counts: Vec<_> = line("requests: ")?.split(", ").map(|part| part.split_once(' ')).collect();
    let count = |name: &str| {
        let (number, _) = counts.iter().flatten().find(|(_, what)| *what == name)?;
        number.parse::<f64>().ok()
    };
    let whole = ["failed", "errored", "timeout"].iter().all(|name| count(name) == Some(0.0));
    let succeeded = count("succeeded").filter(|count| whole && *count > 0.0)?;
    Some((succeeded, rate.parse().ok()?))
}
