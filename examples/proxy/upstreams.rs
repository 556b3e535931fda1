//! `Upstreams`: the servers behind the proxy, in turn, those that are up.

use nestling::net::{TcpStream, UnixStream, is_exhausted};
use nestling::{is_cancelled, timeout};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long a server that could not be reached is passed over, as long as another one can.
const PASSED_OVER: Duration = Duration::from_secs(1);

/// Where a server is, as on the command line.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// A host and a port.
    Tcp(String),
    Unix(PathBuf),
}

/// A connection to a server.
#[derive(Debug)]
pub(crate) enum Server {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Target {
    async fn connect(&self) -> io::Result<Server> {
        match self {
            Self::Tcp(address) => TcpStream::connect(address.as_str()).await.map(Server::Tcp),
            Self::Unix(path) => UnixStream::connect(path).await.map(Server::Unix),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => f.write_str(address),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// All servers; shared by the cores.
#[derive(Debug)]
pub(crate) struct Upstreams {
    all: Vec<Upstream>,
    next: AtomicUsize,
    started: Instant,
}

#[derive(Debug)]
struct Upstream {
    target: Target,
    /// Until when it is passed over, in milliseconds since the start.
    down_until: AtomicU64,
}

impl Upstreams {
    pub(crate) fn new(targets: Vec<Target>) -> Self {
        let upstream = |target| Upstream { target, down_until: AtomicU64::new(0) };
        Self {
            all: targets.into_iter().map(upstream).collect(),
            next: AtomicUsize::new(0),
            started: Instant::now(),
        }
    }

    /// Connects to the next server; to another one, if that cannot be reached in time. Those that
    /// were down a moment ago are tried last.
    ///
    /// # Errors
    ///
    /// None can be reached; the error is that of the last one, with its address. Or descriptors
    /// have run out, or the connection was cancelled.
    pub(crate) async fn connect(&self, patience: Duration) -> io::Result<Server> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
        let (before, from) = self.all.split_at(first);
        let now = self.now();
        let is_up = |upstream: &&Upstream| upstream.down_until.load(Ordering::Relaxed) <= now;
        let (mut order, down): (Vec<_>, Vec<_>) = from.iter().chain(before).partition(is_up);
        order.extend(down);
        let mut last = None;
        for upstream in order {
            let connected = timeout(patience, upstream.target.connect()).await;
            let error = match connected.unwrap_or_else(|late| Err(late.into())) {
                Ok(server) => {
                    upstream.down_until.store(0, Ordering::Relaxed);
                    return Ok(server);
                }
                // No fault of the server.
                Err(error) if is_exhausted(&error) => return Err(error),
                Err(error) if is_cancelled(&error) && nestling::task::cancel_called() => {
                    return Err(error);
                }
                Err(error) => error,
            };
            let until = self.now() + PASSED_OVER.as_millis() as u64;
            upstream.down_until.store(until, Ordering::Relaxed);
            let text = format!("cannot connect to {}: {error}", upstream.target);
            last = Some(io::Error::new(error.kind(), text));
        }
        Err(last.expect("there is a server at least"))
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}
