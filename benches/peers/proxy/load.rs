//! The load: clients on one side of the proxy and the upstream on the other, on one bare ring.

use crate::ring::{Event, Ring};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes in a message.
const LENGTH: usize = 64;
/// Bytes of a send in bulk, and of a buffer for what comes.
const CHUNK: usize = 256 << 10;
/// How long the connections run before anything is counted, as a part of the time that is.
const WARM_UP: f64 = 0.2;
/// How long a proxy may take to start.
const START: Duration = Duration::from_secs(10);

/// What the connections do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Messages,
    OneWay,
    BothWays,
}

impl Work {
    pub(crate) const ALL: [Self; 3] = [Self::Messages, Self::OneWay, Self::BothWays];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::OneWay => "one-way",
            Self::BothWays => "both-ways",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self, String> {
        let work = Self::ALL.into_iter().find(|work| work.name() == name);
        work.ok_or_else(|| format!("{name} is no work"))
    }
}

/// What was counted.
pub(crate) struct Load {
    /// Messages that are back, or KiB that came through.
    pub(crate) units: f64,
    pub(crate) elapsed: Duration,
    pub(crate) cpu_times: CpuTimes,
}

/// CPU time of both sides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CpuTimes {
    pub(crate) proxy: Duration,
    pub(crate) load: Duration,
}

/// The connections: clients first, then as many of the upstream.
pub(crate) struct Ends(Vec<TcpStream>);

impl Ends {
    /// Connects through a proxy, which may not listen yet. One by one, because the backlog of the
    /// upstream is shorter than they are many, and a proxy gives up in the end.
    pub(crate) fn connect(proxy: SocketAddr, upstream: &TcpListener, connections: usize) -> Self {
        let give_up = Instant::now() + START;
        let (mut ends, mut others) = (Vec::new(), Vec::new());
        while ends.len() < connections {
            match TcpStream::connect(proxy) {
                Ok(client) => {
                    ends.push(client);
                    others.push(upstream.accept().expect("the proxy connects").0);
                }
                Err(error) if Instant::now() > give_up => panic!("no proxy listens: {error}"),
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        ends.append(&mut others);
        ends.iter().for_each(|end| end.set_nodelay(true).expect("an option"));
        Self(ends)
    }
}

/// Loads the proxy; `cpu_times` are read when counting starts and when it ends.
pub(crate) fn run(
    ends: Ends,
    work: Work,
    depth: usize,
    measured: Duration,
    cpu_times: impl Fn() -> CpuTimes,
) -> Load {
    let total = ends.0.len();
    let size = if work == Work::Messages { LENGTH * depth } else { CHUNK };
    let mut flow = Flow {
        ring: Ring::new(ends.0, size, false),
        work,
        clients: total / 2,
        sending: vec![false; total],
        ended: vec![false; total],
        parts: vec![0; total],
        open: total,
        bytes: 0,
        sent: 0,
        stopping: false,
    };
    flow.begin(size);
    flow.until(Instant::now() + measured.mul_f64(WARM_UP));
    let (start, first, before) = (Instant::now(), flow.bytes, cpu_times());
    flow.until(start + measured);
    let (elapsed, bytes, after) = (start.elapsed(), flow.bytes - first, cpu_times());
    flow.finish();
    let unit = if work == Work::Messages { LENGTH } else { 1024 };
    Load {
        units: bytes as f64 / unit as f64,
        elapsed,
        cpu_times: CpuTimes { proxy: after.proxy - before.proxy, load: after.load - before.load },
    }
}

/// All connections and what has come through.
struct Flow {
    ring: Ring,
    work: Work,
    clients: usize,
    /// Whether an end has a send in bulk under way.
    sending: Vec<bool>,
    /// Whether an end has received all.
    ended: Vec<bool>,
    /// Bytes of each client's message that are back.
    parts: Vec<usize>,
    open: usize,
    /// Bytes that came to clients in messages, or to any end in bulk.
    bytes: u64,
    /// Bytes of sends in bulk that are done.
    sent: u64,
    stopping: bool,
}

impl Flow {
    fn begin(&mut self, size: usize) {
        for end in 0..2 * self.clients {
            self.ring.receive(end, 0);
            match self.work {
                Work::Messages if end < self.clients => self.ring.send(end, size, true),
                Work::Messages => {}
                Work::OneWay | Work::BothWays => self.send_more(end),
            }
        }
    }

    /// The next send in bulk of an end, or the end of what it sends: of a client when time is up,
    /// of the upstream when that has come to the end of what the client sent.
    fn send_more(&mut self, end: usize) {
        let is_client = end < self.clients;
        let sends = is_client || self.work == Work::BothWays;
        let is_over = if is_client { self.stopping } else { self.ended[end] };
        self.sending[end] = sends && !is_over;
        match self.sending[end] {
            true => self.ring.send(end, CHUNK, false),
            false if self.ended[end] => self.close(end),
            false if sends => self.ring.shut_down(end),
            false => {}
        }
    }

    fn until(&mut self, deadline: Instant) {
        while Instant::now() < deadline {
            self.turn();
        }
    }

    /// Lets what is under way come through, and closes each connection then.
    fn finish(&mut self) {
        self.stopping = true;
        while self.open > 0 {
            self.turn();
        }
        let is_bulk = self.work != Work::Messages;
        if is_bulk {
            assert_eq!(self.sent, self.bytes, "what was sent has come through");
        }
    }

    fn turn(&mut self) {
        let mut events = Vec::new();
        let turned = self.ring.turn(|_, event| events.push(event));
        turned.expect("a turn");
        for event in events {
            match event {
                Event::Received(end, 0) => self.ended(end),
                Event::Received(end, length) => self.received(end, length),
                Event::Sent(end) => {
                    self.sent += CHUNK as u64;
                    self.send_more(end);
                }
                Event::Broken(end) => panic!("connection {end} broke"),
            }
        }
    }

    fn received(&mut self, end: usize, length: usize) {
        if self.work != Work::Messages {
            self.bytes += length as u64;
        } else if end >= self.clients {
            self.ring.send(end, length, true);
        } else {
            self.bytes += length as u64;
            let part = self.parts[end] + length;
            self.parts[end] = part % LENGTH;
            match part - self.parts[end] {
                0 => {}
                _ if self.stopping => self.ring.shut_down(end),
                whole => self.ring.send(end, whole, true),
            }
        }
        self.ring.receive(end, 0);
    }

    /// The other side has ended what it sends.
    fn ended(&mut self, end: usize) {
        assert!(self.stopping, "connection {end} ended too soon");
        self.ended[end] = true;
        if !self.sending[end] {
            self.close(end);
        }
    }

    fn close(&mut self, end: usize) {
        self.ring.close(end);
        self.open -= 1;
    }
}
