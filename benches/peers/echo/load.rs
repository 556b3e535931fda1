//! The load: each connection sends a message, waits until it is back, and sends the next.
//!
//! One bare ring whose sends complete silently: two entries and one completion a message, the
//! least that is known, so that the server is what limits. With `--load-spins` it never sleeps, so
//! that a server's answer is not kept waiting for it: what one connection can do.

use crate::LENGTH;
use crate::ring::{Event, Ring};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// How long the connections run before anything is counted, as a part of the time that is.
const WARM_UP: f64 = 0.2;

/// What was counted.
pub(crate) struct Load {
    pub(crate) messages: u64,
    pub(crate) elapsed: Duration,
    pub(crate) cpu_times: CpuTimes,
    /// Messages over the connections' whole life.
    pub(crate) total: u64,
}

/// CPU time of both sides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTimes {
    pub(crate) server: Duration,
    pub(crate) load: Duration,
}

/// The state of affairs at one moment.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    messages: u64,
    cpu_times: CpuTimes,
}

/// Loads the server at `address`; `cpu_times` are read when counting starts and when it ends.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    measured: Duration,
    spin: bool,
    cpu_times: impl Fn() -> CpuTimes,
) -> Load {
    let connect = |_| {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_nodelay(true).expect("an option");
        stream
    };
    let mut echoes = Echoes {
        ring: Ring::new((0..connections).map(connect).collect(), LENGTH, spin),
        received: vec![0; connections],
        open: connections,
        messages: 0,
    };
    let read = |echoes: &Echoes| Reading {
        at: Instant::now(),
        messages: echoes.messages,
        cpu_times: cpu_times(),
    };
    (0..connections).for_each(|connection| begin(&mut echoes.ring, connection));
    echoes.until(Instant::now() + measured.mul_f64(WARM_UP));
    let first = read(&echoes);
    echoes.until(first.at + measured);
    let last = read(&echoes);
    echoes.finish();
    Load {
        messages: last.messages - first.messages,
        elapsed: last.at - first.at,
        cpu_times: CpuTimes {
            server: last.cpu_times.server - first.cpu_times.server,
            load: last.cpu_times.load - first.cpu_times.load,
        },
        total: echoes.messages,
    }
}

/// All connections.
struct Echoes {
    ring: Ring,
    /// Bytes of each connection's message that are back.
    received: Vec<usize>,
    open: usize,
    messages: u64,
}

fn begin(ring: &mut Ring, connection: usize) {
    ring.send(connection, LENGTH, true);
    ring.receive(connection, 0);
}

impl Echoes {
    fn until(&mut self, end: Instant) {
        while Instant::now() < end {
            self.turn(begin);
        }
    }

    /// Takes what is under way, and closes each connection then.
    fn finish(&mut self) {
        while self.open > 0 {
            let mut closed = 0;
            self.turn(|ring, connection| {
                ring.close(connection);
                closed += 1;
            });
            self.open -= closed;
        }
    }

    /// One turn; `next` says how a connection goes on whose message is back.
    fn turn(&mut self, mut next: impl FnMut(&mut Ring, usize)) {
        let Self { ring, received, messages, .. } = self;
        let turned = ring.turn(|ring, event| match event {
            Event::Received(connection, length) if length > 0 => {
                received[connection] += length;
                if received[connection] < LENGTH {
                    return ring.receive(connection, received[connection]);
                }
                received[connection] = 0;
                *messages += 1;
                next(ring, connection);
            }
            Event::Received(connection, _) | Event::Broken(connection) => {
                panic!("the server has closed connection {connection}")
            }
            Event::Sent(_) => unreachable!("sends are silent"),
        });
        turned.expect("a turn");
    }
}
