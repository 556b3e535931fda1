//! The closed loop: each connection sends a request, waits for all of its answer, and sends the
//! next.
//!
//! Sends complete silently: two entries and one completion a message, the least that is known.
//! The load of one connection never sleeps, so that a server's answer is not kept waiting for it.

use super::ring::{Event, Ring};
use super::{Loaded, PATIENCE, Times, WARM_UP, Watch, record, times};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// Room for what comes at once.
pub(super) const BUFFER: usize = 4096;

/// What goes and what comes.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) request: Vec<u8>,
    /// Bytes of an answer.
    pub(crate) answer: usize,
}

/// Loads the server for so long.
pub(crate) fn closed(
    streams: Vec<impl Into<OwnedFd>>,
    exchange: &Exchange,
    measured: Duration,
    watch: &mut Watch,
) -> io::Result<Loaded> {
    let connections = streams.len();
    let spun = connections == 1;
    let mut load = Closed {
        ring: Ring::new(streams, exchange.answer.max(BUFFER), &exchange.request, spun)?,
        answer: exchange.answer,
        connections: vec![Connection { sent: Instant::now(), received: 0 }; connections],
        open: connections,
        answers: 0,
        times: times(),
    };
    load.ring.end_after(measured + PATIENCE)?;
    (0..connections).for_each(|connection| load.begin(connection));
    load.until(Instant::now() + measured.mul_f64(WARM_UP))?;
    load.times.reset();
    let first = watch.see(load.answers as f64);
    let before = load.answers;
    load.until(first.at + measured)?;
    while load.answers == before {
        load.turn(true)?;
    }
    let last = watch.see(load.answers as f64);
    let latency = load.times.clone();
    load.finish()?;
    Ok(Loaded { first, last, latency: Some(latency), late: None, spun })
}

#[derive(Debug, Clone, Copy)]
struct Connection {
    sent: Instant,
    /// Bytes of the answer that have come.
    received: usize,
}

/// All connections.
struct Closed {
    ring: Ring,
    answer: usize,
    connections: Vec<Connection>,
    open: usize,
    answers: u64,
    times: Times,
}

impl Closed {
    fn begin(&mut self, connection: usize) {
        self.ring.send_message(connection);
        self.ring.receive(connection);
    }

    fn until(&mut self, end: Instant) -> io::Result<()> {
        while Instant::now() < end {
            self.turn(true)?;
        }
        Ok(())
    }

    /// Takes what is under way, and closes each connection then.
    fn finish(&mut self) -> io::Result<()> {
        while self.open > 0 {
            self.turn(false)?;
        }
        Ok(())
    }

    /// One turn, after which connections go on whose answers are back, or are closed. All that came
    /// in one turn came now: one look at the clock is enough.
    fn turn(&mut self, goes_on: bool) -> io::Result<()> {
        let Self { ring, answer, connections, open, answers, times } = self;
        let (mut now, mut failed) = (None, None);
        ring.turn(|ring, event| match event {
            Event::Received(number, length) if length > 0 => {
                let now = *now.get_or_insert_with(Instant::now);
                let connection = &mut connections[number];
                connection.received += length;
                if connection.received < *answer {
                    return ring.receive(number);
                }
                record(times, now - connection.sent);
                *answers += 1;
                if goes_on {
                    *connection = Connection { sent: now, received: 0 };
                    ring.send_message(number);
                    ring.receive(number);
                } else {
                    ring.close(number);
                    *open -= 1;
                }
            }
            Event::Received(number, _) | Event::Broken(number) => failed = Some(number),
            Event::Sent(_) => {}
        })?;
        match failed {
            None => Ok(()),
            Some(number) => {
                Err(io::Error::other(format!("the server has closed connection {number}")))
            }
        }
    }
}
