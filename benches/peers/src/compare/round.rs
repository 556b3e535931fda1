//! One measurement: a contestant in one row, once.

use crate::contestants::{Contestant, Program};
use crate::figures::{Calls, Measured};
use crate::load::{self, Ends, Exchange, LENGTH, Loaded, Watch};
use crate::process::{How, Process};
use crate::rows::{Load, Row, Work};
use crate::work::Worked;
use rustix::thread::{CpuSet, sched_setaffinity};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Connections that are no part of what is said of memory: with these, everything that does not
/// grow is there.
const FIRST: usize = 500;

/// Where the two sides run, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conditions {
    /// Of the server and of the load.
    pub(crate) cores: [usize; 2],
    pub(crate) seconds: f64,
    pub(crate) how: How,
    /// Also counts system calls, which makes each of them slower.
    pub(crate) counts: bool,
}

/// Keeps this thread, and processes that it starts, on some cores.
fn pin(cores: &[usize]) -> Result<(), String> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set).map_err(|error| format!("cores {cores:?}: {error}"))
}

/// Measures once. `offered` is the rate of an open loop. An error is the contestant's; that system
/// calls could not be counted is said apart.
pub(crate) fn measure(
    row: &Row,
    contestant: Contestant,
    offered: Option<f64>,
    conditions: &Conditions,
) -> Result<(Measured, Option<Result<Calls, String>>), String> {
    let program = contestant.program(row.work)?;
    match (row.load, program) {
        (Load::Own { .. }, _) => own(row, contestant, conditions),
        (Load::Idle { connections }, _) => {
            let at = |connections| memory(row, contestant, program, connections, conditions);
            let (least, most) = (at(FIRST)?, at(FIRST + connections)?);
            let memory = Some((most - least) / connections as f64);
            Ok((Measured { memory, ..Measured::default() }, None))
        }
        _ => Ok(serve(row, contestant, program, offered, conditions)?.figures()),
    }
}

/// What a contestant says that measures itself, on the server's core.
fn own(
    row: &Row,
    contestant: Contestant,
    conditions: &Conditions,
) -> Result<(Measured, Option<Result<Calls, String>>), String> {
    let [of_server, of_load] = conditions.cores;
    match row.work {
        // The load's is idle meanwhile.
        Work::OneWay | Work::RoundTrip => pin(&[of_server, of_load])?,
        _ => pin(&[of_server])?,
    }
    let process =
        Process::work(row, contestant, conditions.seconds, conditions.counts, conditions.how);
    pin(&[of_load])?;
    let printed = process.map_err(|error| error.to_string())?.finish()?;
    let worked: Worked = serde_json::from_str(&printed).map_err(|error| error.to_string())?;
    Ok(worked.figures())
}

/// A server, and the load that it is under.
fn serve(
    row: &Row,
    contestant: Contestant,
    program: Program,
    offered: Option<f64>,
    conditions: &Conditions,
) -> Result<Loaded, String> {
    let measured = Duration::from_secs_f64(conditions.seconds);
    let as_text = |error: io::Error| error.to_string();
    match row.load {
        Load::Closed { connections } | Load::Open { connections, .. } => {
            let (server, address) = start(row, contestant, program, connections, None, conditions)?;
            let mut watch = Watch::new(server.id(), conditions.counts);
            let mut load = || match (row.work, offered) {
                (Work::Datagrams, _) => {
                    let sockets = load::sockets(address, connections)?;
                    load::closed(sockets, &message(), measured, &mut watch)
                }
                (_, Some(rate)) => {
                    let streams = load::connect(address, connections)?;
                    load::open(streams, rate, measured, &mut watch)
                }
                _ => {
                    let mut streams = load::connect(address, connections)?;
                    let exchange = exchange(row.work, &mut streams[0])?;
                    load::closed(streams, &exchange, measured, &mut watch)
                }
            };
            let loaded = load().map_err(as_text)?;
            server.finish()?;
            Ok(loaded)
        }
        Load::Cycles { connections } => {
            let (server, address) = start(row, contestant, program, 0, None, conditions)?;
            let SocketAddr::V4(address) = address else { return Err("of IPv6".to_owned()) };
            let mut watch = Watch::new(server.id(), conditions.counts);
            load::cycles(address, connections, measured, &mut watch).map_err(as_text)
        }
        Load::H2load { connections } => {
            let (server, address) = start(row, contestant, program, 0, None, conditions)?;
            let mut watch = Watch::new(server.id(), conditions.counts);
            load::h2load(address, connections, measured, &mut watch).map_err(as_text)
        }
        Load::Relay { connections } | Load::Bulk { connections } => {
            let upstream = TcpListener::bind("127.0.0.1:0").map_err(as_text)?;
            let to = upstream.local_addr().map_err(as_text)?;
            let (proxy, address) =
                start(row, contestant, program, connections, Some(to), conditions)?;
            let ends = Ends::connect(address, &upstream, connections).map_err(as_text)?;
            let mut watch = Watch::new(proxy.id(), conditions.counts);
            let bulk = matches!(row.load, Load::Bulk { .. });
            let loaded = load::relay(ends, bulk, measured, &mut watch).map_err(as_text)?;
            proxy.finish()?;
            Ok(loaded)
        }
        Load::Idle { .. } | Load::Own { .. } => Err("this row is measured otherwise".to_owned()),
    }
}

/// A server on its core, for so many connections, before `to` if it is a proxy.
fn start(
    row: &Row,
    contestant: Contestant,
    program: Program,
    connections: usize,
    to: Option<SocketAddr>,
    conditions: &Conditions,
) -> Result<(Process, SocketAddr), String> {
    let [of_server, of_load] = conditions.cores;
    pin(&[of_server])?;
    let started = Process::serve(program, row, contestant, connections, to, conditions.how);
    pin(&[of_load])?;
    started.map_err(|error| error.to_string())
}

/// Bytes of a server with so many connections, all of which are idle.
fn memory(
    row: &Row,
    contestant: Contestant,
    program: Program,
    connections: usize,
    conditions: &Conditions,
) -> Result<f64, String> {
    let (server, address) = start(row, contestant, program, connections, None, conditions)?;
    let mut streams = load::connect(address, connections).map_err(|error| error.to_string())?;
    load::idle(&mut streams).map_err(|error| error.to_string())?;
    let memory = server.memory().map_err(|error| error.to_string())?;
    drop(streams);
    server.finish()?;
    Ok(memory)
}

/// What goes to an echo server, and comes back.
fn message() -> Exchange {
    Exchange { request: vec![b'x'; LENGTH], answer: LENGTH }
}

/// What goes to a server and comes back; how long an answer of HTTP is, the server is asked.
fn exchange(work: Work, stream: &mut TcpStream) -> io::Result<Exchange> {
    if !matches!(work, Work::Http | Work::Axum) {
        return Ok(message());
    }
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    stream.write_all(&request)?;
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut part)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&part[..length]);
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        let head = response.parse(&answer).map_err(io::Error::other)?;
        let httparse::Status::Complete(head) = head else { continue };
        let is_length = |name: &str| name.eq_ignore_ascii_case("content-length");
        let length = response.headers.iter().find(|header| is_length(header.name));
        let length = length.and_then(|header| str::from_utf8(header.value).ok()?.parse().ok());
        let body: usize = length.ok_or(io::ErrorKind::InvalidData)?;
        if answer.len() >= head + body {
            return Ok(Exchange { request, answer: head + body });
        }
    }
}
