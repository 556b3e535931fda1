//! The load of a proxy: clients on one side and the upstream on the other, on one bare ring.
//!
//! It does twice the proxy's work, and so may be what limits; what tells proxies apart is their CPU
//! time then.

use super::ring::{Event, Ring};
use super::{LENGTH, Loaded, WARM_UP, Watch};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of a send in bulk, and of a buffer for what comes.
const CHUNK: usize = 256 << 10;
/// How long a proxy may take to start.
const START: Duration = Duration::from_secs(10);

/// The connections: clients first, then as many of the upstream.
pub(crate) struct Ends(Vec<TcpStream>);

impl Ends {
    /// Connects through a proxy, which may not listen yet. One by one, because the backlog of the
    /// upstream is shorter than they are many, and a proxy gives up in the end.
    pub(crate) fn connect(
        proxy: SocketAddr,
        upstream: &TcpListener,
        connections: usize,
    ) -> io::Result<Self> {
        let give_up = Instant::now() + START;
        let (mut ends, mut others) = (Vec::new(), Vec::new());
        while ends.len() < connections {
            match TcpStream::connect(proxy) {
                Ok(client) => {
                    ends.push(client);
                    others.push(upstream.accept()?.0);
                }
                Err(error) if Instant::now() > give_up => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        ends.append(&mut others);
        ends.iter().try_for_each(|end| end.set_nodelay(true))?;
        Ok(Self(ends))
    }
}

/// Loads the proxy with messages, or in bulk from the clients to the upstream.
pub(crate) fn relay(
    ends: Ends,
    bulk: bool,
    measured: Duration,
    watch: &mut Watch,
) -> io::Result<Loaded> {
    let total = ends.0.len();
    let buffer = if bulk { CHUNK } else { LENGTH };
    let mut flow = Flow {
        ring: Ring::new(ends.0, buffer, &vec![b'x'; buffer], false)?,
        bulk,
        clients: total / 2,
        parts: vec![0; total],
        sending: vec![false; total],
        open: total,
        bytes: 0,
        stopping: false,
        failed: false,
    };
    let unit = if bulk { 1024.0 } else { LENGTH as f64 };
    flow.begin();
    flow.until(Instant::now() + measured.mul_f64(WARM_UP))?;
    let first = watch.see(flow.bytes as f64 / unit);
    let before = flow.bytes;
    flow.until(first.at + measured)?;
    while flow.bytes == before {
        flow.turn()?;
    }
    let last = watch.see(flow.bytes as f64 / unit);
    flow.finish()?;
    Ok(Loaded { first, last, latency: None, late: None, spun: false })
}

/// All connections and what has come through.
struct Flow {
    ring: Ring,
    bulk: bool,
    clients: usize,
    /// Bytes of each client's message that are back.
    parts: Vec<usize>,
    /// Whether an end has a send in bulk under way.
    sending: Vec<bool>,
    open: usize,
    /// Bytes that came to clients in messages, or to the upstream in bulk.
    bytes: u64,
    stopping: bool,
    failed: bool,
}

impl Flow {
    fn begin(&mut self) {
        for end in 0..2 * self.clients {
            self.ring.receive(end);
        }
        for client in 0..self.clients {
            match self.bulk {
                true => self.send_more(client),
                false => self.ring.send_message(client),
            }
        }
    }

    fn send_more(&mut self, client: usize) {
        self.sending[client] = !self.stopping;
        match self.stopping {
            true => self.ring.shut_down(client),
            false => self.ring.send(client, client, CHUNK, false),
        }
    }

    fn until(&mut self, deadline: Instant) -> io::Result<()> {
        while Instant::now() < deadline {
            self.turn()?;
        }
        Ok(())
    }

    /// Lets what is under way come through, and closes each connection then.
    fn finish(&mut self) -> io::Result<()> {
        self.stopping = true;
        while self.open > 0 {
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut events = Vec::new();
        self.ring.turn(|_, event| events.push(event))?;
        for event in events {
            match event {
                Event::Received(end, 0) => self.ended(end),
                Event::Received(end, length) => self.received(end, length),
                Event::Sent(end) => self.send_more(end),
                Event::Broken(_) => self.failed = true,
            }
        }
        match self.failed {
            true => Err(io::Error::other("the proxy has broken a connection")),
            false => Ok(()),
        }
    }

    fn received(&mut self, end: usize, length: usize) {
        if self.bulk {
            self.bytes += length as u64;
        } else if end >= self.clients {
            self.ring.send(end, end, length, true);
        } else {
            self.bytes += length as u64;
            self.parts[end] += length;
            if self.parts[end] == LENGTH {
                self.parts[end] = 0;
                match self.stopping {
                    true => self.ring.shut_down(end),
                    false => self.ring.send_message(end),
                }
            }
        }
        self.ring.receive(end);
    }

    /// The other side has ended what it sends. This one is closed, so that the end goes on.
    fn ended(&mut self, end: usize) {
        self.failed |= !self.stopping || self.sending[end];
        self.ring.close(end);
        self.open -= 1;
    }
}
