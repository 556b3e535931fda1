//! The open loop: messages leave at a constant rate, whether answers are back or not.
//!
//! The time of a message counts from when it was due, not from when it was sent: neither a slow
//! server nor a late load makes it look shorter (no coordinated omission). The load never sleeps,
//! and says how late it was itself.

use super::exchange::BUFFER;
use super::ring::{Event, Ring};
use super::{LENGTH, Loaded, Times, WARM_UP, Watch, record, times};
use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long answers may take that are still under way in the end.
const DRAIN: Duration = Duration::from_secs(5);

/// Offers the server so many messages a second for so long.
pub(crate) fn open(
    streams: Vec<TcpStream>,
    rate: f64,
    measured: Duration,
    watch: &mut Watch,
) -> io::Result<Loaded> {
    let connections = streams.len();
    let mut load = Open {
        ring: Ring::new(streams, BUFFER, &[b'x'; LENGTH], true)?,
        due: vec![VecDeque::new(); connections],
        received: vec![0; connections],
        start: Instant::now(),
        rate,
        sent: 0,
        answers: 0,
        ended: 0,
        broken: false,
        latency: times(),
        late: times(),
    };
    (0..connections).for_each(|connection| load.ring.receive(connection));
    load.until(load.start + measured.mul_f64(WARM_UP))?;
    load.latency.reset();
    load.late.reset();
    let first = watch.see(load.answers as f64);
    let before = load.answers;
    load.until(first.at + measured)?;
    while load.answers == before {
        load.glance()?;
    }
    let last = watch.see(load.answers as f64);
    load.finish()?;
    // With what was due by then and came later.
    let (latency, late) = (Some(load.latency), Some(load.late));
    Ok(Loaded { first, last, latency, late, spun: true })
}

/// All connections.
struct Open {
    ring: Ring,
    /// When each message was due that is under way.
    due: Vec<VecDeque<Instant>>,
    /// Bytes of each connection's next answer.
    received: Vec<usize>,
    start: Instant,
    rate: f64,
    sent: u64,
    answers: u64,
    /// Connections that the server has ended.
    ended: usize,
    broken: bool,
    latency: Times,
    late: Times,
}

impl Open {
    fn until(&mut self, end: Instant) -> io::Result<()> {
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            self.send(now);
            self.glance()?;
        }
    }

    /// Sends all that is due, one connection after the other.
    fn send(&mut self, now: Instant) {
        loop {
            let due = self.start + Duration::from_secs_f64(self.sent as f64 / self.rate);
            if due > now {
                return;
            }
            let connection = self.sent as usize % self.due.len();
            self.due[connection].push_back(due);
            self.ring.send_message(connection);
            record(&mut self.late, now - due);
            self.sent += 1;
        }
    }

    fn glance(&mut self) -> io::Result<()> {
        let Self { ring, due, received, answers, ended, broken, latency, .. } = self;
        let mut now = None;
        ring.glance(|ring, event| match event {
            Event::Received(number, 0) => {
                ring.close(number);
                *ended += 1;
            }
            Event::Received(number, length) => {
                let now = *now.get_or_insert_with(Instant::now);
                let bytes = received[number] + length;
                received[number] = bytes % LENGTH;
                for due in due[number].drain(..bytes / LENGTH) {
                    record(latency, now - due);
                    *answers += 1;
                }
                ring.receive(number);
            }
            Event::Broken(_) => *broken = true,
            Event::Sent(_) => {}
        })?;
        match self.broken {
            true => Err(io::Error::other("the server has broken a connection")),
            false => Ok(()),
        }
    }

    /// Takes what is under way, and lets the server end.
    fn finish(&mut self) -> io::Result<()> {
        let give_up = Instant::now() + DRAIN;
        while self.answers < self.sent {
            self.in_time(give_up)?;
        }
        (0..self.due.len()).for_each(|connection| self.ring.shut_down(connection));
        while self.ended < self.due.len() {
            self.in_time(give_up)?;
        }
        Ok(())
    }

    fn in_time(&mut self, give_up: Instant) -> io::Result<()> {
        match Instant::now() < give_up {
            true => self.glance(),
            false => Err(io::Error::other("overloaded: answers did not come to an end")),
        }
    }
}
