//! What is compared: the rows of the table.

use crate::figures::{Contested, Measured};

/// What a contestant does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Echo,
    /// Connections that wait for a second message, in the way that takes the least memory.
    Idle,
    /// Datagrams that go back to where they came from.
    Datagrams,
    /// Connections that come and are closed.
    Accept,
    Http,
    /// HTTP/1.1 by a router of axum's, accepts included.
    Axum,
    /// HTTP/2 by hyper, accepts included.
    Http2,
    Proxy,
    Files,
    /// Files that are opened, read and closed.
    SmallFiles,
    /// The same, one after the other.
    OneSmallFile,
    Spawn,
    Yield,
    Cancel,
    OneWay,
    RoundTrip,
    Timers,
    /// Timers whose time comes.
    Due,
}

/// What makes it do so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Load {
    /// Each connection has one message under way.
    Closed { connections: usize },
    /// Messages leave when it is time, at a part of the rate that saturates Tokio.
    Open { connections: usize, share: f64 },
    /// So many connections at a time are made, and the next after each that the server has closed.
    Cycles { connections: u32 },
    /// By `h2load`.
    H2load { connections: usize },
    /// Through a proxy: each client has one message under way.
    Relay { connections: usize },
    /// Through a proxy: each client sends all that it can.
    Bulk { connections: usize },
    /// Connections that are open and do nothing.
    Idle { connections: usize },
    /// The contestant itself: that many units and no fewer at a time.
    Own { batch: u64 },
}

/// The figure that a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Figure {
    Rate,
    Cpu,
    P99,
    Memory,
}

impl Figure {
    pub(crate) fn of(self, measured: &Measured) -> Option<f64> {
        match self {
            Self::Rate => Some(measured.rate),
            Self::Cpu => Some(measured.cpu),
            Self::P99 => measured.latency.map(|latency| latency.usual()[1]),
            Self::Memory => measured.memory,
        }
    }

    pub(crate) fn more_is_better(self) -> bool {
        self == Self::Rate
    }

    /// Why nothing is to be concluded of this figure of a contestant, if that is so.
    pub(crate) fn moot(self, contestant: &Contested) -> Option<&'static str> {
        match self {
            Self::P99 if contestant.late().is_some() => Some("the load was late"),
            Self::Rate if contestant.is_limited() => Some("the load was the busier one"),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rate => "units a second",
            Self::Cpu => "CPU time a unit",
            Self::P99 => "99th percentile of latency",
            Self::Memory => "memory a unit",
        }
    }
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    /// As the command line has it; what is before the first `-` is its group.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) work: Work,
    pub(crate) load: Load,
    pub(crate) figure: Figure,
}

/// Connections of the open loop, and of the closed one that says what saturates a server.
pub(crate) const CROWD: usize = 512;

/// The row whose rates the open loop goes by.
pub(crate) const SATURATED: &str = "echo-512";

pub(crate) const ROWS: [Row; 29] = [
    echo("echo-1", "Echo of 64 bytes, 1 connection", 1),
    echo("echo-64", "Echo of 64 bytes, 64 connections", 64),
    echo(SATURATED, "Echo of 64 bytes, 512 connections", CROWD),
    echo("echo-1000", "Echo of 64 bytes, 1,000 connections", 1_000),
    echo("echo-5000", "Echo of 64 bytes, 5,000 connections", 5_000),
    open("open-10", "Echo at 10 % of what saturates Tokio", 0.1),
    open("open-50", "Echo at 50 % of what saturates Tokio", 0.5),
    open("open-80", "Echo at 80 % of what saturates Tokio", 0.8),
    datagrams("udp-1", "UDP echo of 64 bytes, 1 client", 1),
    datagrams("udp-64", "UDP echo of 64 bytes, 64 clients", 64),
    Row {
        name: "accept",
        title: "Connections accepted and closed, 64 at a time",
        unit: "connection",
        work: Work::Accept,
        load: Load::Cycles { connections: 64 },
        figure: Figure::Cpu,
    },
    Row {
        name: "proxy-messages",
        title: "Proxy, messages of 64 bytes, 64 connections",
        unit: "message",
        work: Work::Proxy,
        load: Load::Relay { connections: 64 },
        figure: Figure::Cpu,
    },
    Row {
        name: "proxy-bulk",
        title: "Proxy, all that 16 connections can send one way",
        unit: "KiB",
        work: Work::Proxy,
        load: Load::Bulk { connections: 16 },
        figure: Figure::Cpu,
    },
    Row {
        name: "files",
        title: "Reads of 4 KiB from the page cache, 32 at a time",
        unit: "read",
        work: Work::Files,
        load: Load::Own { batch: 3_200 },
        figure: Figure::Rate,
    },
    own(
        "small-files",
        "Files of up to 4 KiB opened, read and closed, 32 at a time",
        "file",
        Work::SmallFiles,
        SMALL_FILES,
    ),
    own("small-files-1", "The same, one at a time", "file", Work::OneSmallFile, SMALL_FILES),
    http("http-64", "HTTP/1.1 by hyper, 64 connections", 64),
    http("http-512", "HTTP/1.1 by hyper, 512 connections", 512),
    Row { work: Work::Axum, ..http("axum", "HTTP/1.1 by axum, 64 connections", 64) },
    Row {
        work: Work::Http2,
        load: Load::H2load { connections: 64 },
        ..http("http2", "HTTP/2 by hyper, 64 connections with 8 streams each", 64)
    },
    own("spawn-join", "Tasks spawned and joined, 1,000 at a time", "task", Work::Spawn, 1_000),
    own("spawn-yield", "The same, and each yields once", "task", Work::Yield, 1_000),
    own("cancel", "Receives cancelled, 100 at a time", "receive", Work::Cancel, 100),
    own("messages-one-way", "Messages to another core", "message", Work::OneWay, 20_000),
    own(
        "messages-round-trip",
        "Messages to another core and back",
        "round trip",
        Work::RoundTrip,
        1_000,
    ),
    own("timers", "Timers armed and dropped, 1,000,000 at a time", "timer", Work::Timers, TIMERS),
    Row {
        name: "timers-due",
        title: "Timers that come due within 4 ms, 10,000 of them, each awaited by a task",
        unit: "timer",
        work: Work::Due,
        load: Load::Own { batch: DUE },
        figure: Figure::Cpu,
    },
    Row {
        name: "idle",
        title: "Memory of an idle connection",
        unit: "connection",
        work: Work::Idle,
        load: Load::Idle { connections: 4_000 },
        figure: Figure::Memory,
    },
    Row {
        name: "idle-echo",
        title: "Memory of an idle connection of the echo server",
        unit: "connection",
        work: Work::Echo,
        load: Load::Idle { connections: 4_000 },
        figure: Figure::Memory,
    },
];

/// Timers that are armed at the same time.
pub(crate) const TIMERS: u64 = 1_000_000;

/// Timers that come due together.
pub(crate) const DUE: u64 = 10_000;

/// Files that are there to be read.
pub(crate) const SMALL_FILES: u64 = 10_000;

const fn echo(name: &'static str, title: &'static str, connections: usize) -> Row {
    let load = Load::Closed { connections };
    Row { name, title, unit: "message", work: Work::Echo, load, figure: Figure::Rate }
}

const fn open(name: &'static str, title: &'static str, share: f64) -> Row {
    let load = Load::Open { connections: CROWD, share };
    Row { name, title, unit: "message", work: Work::Echo, load, figure: Figure::P99 }
}

const fn datagrams(name: &'static str, title: &'static str, clients: usize) -> Row {
    let load = Load::Closed { connections: clients };
    Row { name, title, unit: "datagram", work: Work::Datagrams, load, figure: Figure::Rate }
}

const fn http(name: &'static str, title: &'static str, connections: usize) -> Row {
    let load = Load::Closed { connections };
    Row { name, title, unit: "request", work: Work::Http, load, figure: Figure::Rate }
}

const fn own(
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    work: Work,
    batch: u64,
) -> Row {
    Row { name, title, unit, work, load: Load::Own { batch }, figure: Figure::Rate }
}

impl Row {
    pub(crate) fn parse(name: &str) -> Result<&'static Self, String> {
        let row = ROWS.iter().find(|row| row.name == name);
        row.ok_or_else(|| format!("{name} is no row"))
    }

    /// Whether `--only` means this one: by its name, or by its group.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.name.split('-').next() == Some(name)
    }
}
