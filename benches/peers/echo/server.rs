//! A server in a process of its own: started, asked for its address, timed and joined.

use crate::clock::ProcessClock;
use crate::nestling::{self, Way};
use crate::{bare, tokio};
use ::nestling::Builder;
use std::env;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// How long one that spins looks, and one that batches keeps a completion waiting.
const MOMENT: Duration = Duration::from_micros(50);

/// Who serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nestling,
    /// Nestling with pooled buffers, received one by one.
    Leases,
    /// Nestling with pooled buffers, for which the kernel is asked once a connection.
    Streams,
    /// Nestling that looks for completions for a while before it sleeps.
    Spinning,
    /// Nestling that sleeps for several completions under load.
    Batching,
    Tokio,
    Bare,
    /// The bare loop, which never sleeps.
    BareSpinning,
}

impl Kind {
    pub(crate) const ALL: [Self; 8] = [
        Self::Nestling,
        Self::Leases,
        Self::Streams,
        Self::Spinning,
        Self::Batching,
        Self::Tokio,
        Self::Bare,
        Self::BareSpinning,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nestling => "nestling",
            Self::Leases => "leases",
            Self::Streams => "streams",
            Self::Spinning => "spinning",
            Self::Batching => "batching",
            Self::Tokio => "tokio",
            Self::Bare => "bare",
            Self::BareSpinning => "bare-spin",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or_else(|| format!("{name} is no server"))
    }
}

/// Serves so many connections to their end, in this process. Prints the address, and in the end
/// how often the kernel was entered, where that is counted.
pub(crate) fn serve(kind: Kind, connections: usize, buffer: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    println!("{}", listener.local_addr().expect("its address"));
    let nestling = |listener, way, options: fn(Builder) -> Builder| {
        Some(nestling::serve(listener, connections, buffer, way, options))
    };
    let enters = match kind {
        Kind::Nestling => nestling(listener, Way::Read, |builder| builder),
        Kind::Leases => nestling(listener, Way::Recv, |builder| builder),
        Kind::Streams => nestling(listener, Way::Stream, |builder| builder),
        Kind::Spinning => nestling(listener, Way::Read, |builder| builder.spin(MOMENT)),
        Kind::Batching => nestling(listener, Way::Read, |builder| builder.batch(MOMENT)),
        Kind::Tokio => {
            tokio::serve(listener, connections, buffer);
            None
        }
        Kind::Bare => Some(bare::serve(&listener, connections, buffer, false)),
        Kind::BareSpinning => Some(bare::serve(&listener, connections, buffer, true)),
    };
    match enters {
        Some(enters) => println!("{enters}"),
        None => println!("-"),
    }
}

/// A server that runs elsewhere.
pub(crate) struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
    clock: ProcessClock,
}

impl Server {
    pub(crate) fn start(kind: Kind, core: usize, connections: usize, buffer: usize) -> Self {
        let mut process = Command::new(env::current_exe().expect("this program"))
            .args(["--serve", kind.name()])
            .args(["--core", &core.to_string()])
            .args(["--connections", &connections.to_string()])
            .args(["--buffer", &buffer.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut output = BufReader::new(process.stdout.take().expect("it is piped"));
        let address = line(&mut output).parse().expect("an address");
        let clock = ProcessClock::of(process.id());
        Self { process, output, address, clock }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time that the process has used, in the kernel and outside, on all its threads.
    pub(crate) fn cpu_time(&self) -> Duration {
        self.clock.now()
    }

    /// Waits until it ends, which it does after its last connection. Tells its enters.
    pub(crate) fn finish(mut self) -> Option<u64> {
        let enters = line(&mut self.output).parse().ok();
        let status = self.process.wait().expect("its end");
        assert!(status.success(), "the server failed");
        enters
    }
}

fn line(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    line.trim().to_owned()
}
