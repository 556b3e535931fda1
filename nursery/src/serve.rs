//! `serve`: accepts connections, each into a child, until a stop; then drains.

use crate::grace::{Stop, grace};
use crate::limit::{Limit, Permit};
use crate::nursery::{Nursery, nursery_with};
use crate::options::Options;
use crate::spawn::Slot;
use crate::supervised::{JoinError, caught};
use crate::timeout::until;
use nestling_runtime::lowlevel::{
    Accept, Accepted, Connected, is_cancelled, is_exhausted, sleep, stop_requested,
};
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// How long the accept loop pauses when descriptors or memory ran out. Each attempt is one system
/// call: short enough that a client hardly notices, long enough that the core idles.
const PAUSE: Duration = Duration::from_millis(30);

/// How to [`serve`]. `A` is what names a peer: the address of the listener's family.
///
/// # Examples
///
/// ```
/// use nestling_nursery::Serve;
/// use std::time::Duration;
///
/// let drain = Duration::from_secs(30);
/// let how: Serve = Serve { limit: Some(10_000), drain, ..Serve::default() }
///     .on_failure(|peer, error| eprintln!("{peer}: {error}"));
/// assert!(how.signals);
/// ```
#[derive(Clone)]
pub struct Serve<A = SocketAddr> {
    /// Connections that are served at the same time. While there are so many, no further one is
    /// accepted: clients wait in the listener's backlog. `None`, the default: as many as there are
    /// descriptors for.
    pub limit: Option<usize>,
    /// A limit that this server has in common with others, also on other cores; none by default. A
    /// listener to which no client has come keeps no permit from a busy one.
    pub shared: Option<Limit>,
    /// How long connections may go on after the stop; 5 seconds by default. What is left then is
    /// cancelled.
    pub drain: Duration,
    /// Whether the first `SIGINT` or `SIGTERM` is a stop, as
    /// [`stop_requested`](nestling_runtime::signal::stop_requested) says, which is so by default.
    pub signals: bool,
    /// What is called for connections that fail; see [`on_failure`](Self::on_failure).
    pub failed: Option<Rc<dyn Fn(A, io::Error)>>,
}

impl<A> Serve<A> {
    /// Has `hook` be told of each connection that failed or panicked, in the task of the
    /// connection. One that is cut at the end of the drain has not failed.
    pub fn on_failure(mut self, hook: impl Fn(A, io::Error) + 'static) -> Self {
        self.failed = Some(Rc::new(hook));
        self
    }
}

impl<A> Default for Serve<A> {
    fn default() -> Self {
        let drain = Duration::from_secs(5);
        Self { limit: None, shared: None, drain, signals: true, failed: None }
    }
}

impl<A> fmt::Debug for Serve<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("limit", &self.limit)
            .field("shared", &self.shared)
            .field("drain", &self.drain)
            .field("signals", &self.signals)
            .finish_non_exhaustive()
    }
}

/// What names the peer of a connection.
type Peer<L> = <<L as Accept>::Connection as Connected>::Address;

/// Accepts connections, and runs `connection` for each in a child of its own, until the code that
/// calls it is cancelled or a signal asks the process to stop. Then the listener is closed,
/// connections go on for at most [`drain`](Serve::drain), and what is left is cancelled.
///
/// ```text
///   accepting ── cancel, SIGINT, SIGTERM ──▶ draining ── no connection is left ──▶ Ok
///       │                                       └─ the drain is over: cancels ──────▶ Ok
///       └──── the listener broke ──▶ draining ──▶ Err
/// ```
///
/// A connection that fails or panics ends alone; [`Serve::on_failure`] tells of it. While
/// descriptors or memory have run out, the accept loop pauses and tries again. For several
/// listeners, or several cores, call it once for each; a [`Limit`] is what they can have in common.
///
/// The listener is one of TCP or of Unix sockets, of streams or of sequenced packets. On several
/// cores, give each a listener of its own on the same port
/// ([`reuse_port`](nestling_runtime::net::ListenOptions::reuse_port)), or a clone of one; or have
/// one core accept for all ([`serve_balanced`](crate::serve_balanced)).
///
/// # Cancellation
///
/// A cancellation is the stop: connections drain, and the call returns `Ok`. Only after that the
/// next wait of the cancelled task is its end. Dropped early, the future cuts all connections.
///
/// What was accepted by then is served. Connections that have reached the backlog and were not
/// accepted are reset, unless another process has the listener, too: then they wait for that one.
///
/// # Errors
///
/// The listener broke, after a drain; or no descriptor is left to hear of signals with.
///
/// # Panics
///
/// Outside a runtime.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Serve, io::nursery, serve};
/// use nestling_runtime::net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     nursery(async |n| {
///         n.spawn(serve(listener, Serve::default(), async |stream: TcpStream, _peer| {
///             stream.write_all("hello").await.0
///         }));
///         let client = TcpStream::connect(address).await?;
///         let (read, greeting) = client.read_exact(vec![0; 5]).await;
///         read?;
///         assert_eq!(greeting, b"hello");
///         n.cancel(); // stops the server, which drains
///         Ok(())
///     })
///     .await
/// })
/// # }
/// ```
pub async fn serve<L, F>(listener: L, how: Serve<Peer<L>>, connection: F) -> io::Result<()>
where
    L: Accept,
    F: AsyncFn(L::Connection, Peer<L>) -> io::Result<()>,
{
    // From here on a signal is a stop, also before the first accept.
    let signal = how.signals.then(stop_requested);
    let mut accepted = Ok(());
    let options = Options { slots: how.limit, name: Some("serve"), ..Options::default() };
    let ended = grace(how.drain, async |stop: &Stop| {
        nursery_with(options, async |n| {
            accepted = until_stopped(stop, signal, accept(n, &listener, &how, &connection)).await;
            // Clients that come from now on are refused, and do not wait in vain.
            _ = listener.close().await;
            n.spawn_daemon(async {
                sleep(how.drain).await;
                n.cancel();
                Ok(())
            });
            Ok::<_, io::Error>(())
        })
        .await
    });
    // What was left at the end of the drain was cut; that is what the drain is for.
    _ = ended.await;
    accepted
}

/// Accepts until the stop, and has what was accepted by then.
async fn until_stopped(
    stop: &Stop,
    signal: Option<impl Future<Output = io::Result<()>>>,
    accept: impl Future<Output = io::Result<()>>,
) -> io::Result<()> {
    let mut heard = Ok(());
    let stopped = async { heard = stopped(stop, signal).await };
    // A cancelled accept loop is delivered what the kernel has accepted for it, and then hears.
    match until(stopped, accept).await {
        Ok(Err(error)) if !is_cancelled(&error) => Err(error),
        _ => heard,
    }
}

/// Resolves when the server is to stop.
async fn stopped(
    stop: &Stop,
    signal: Option<impl Future<Output = io::Result<()>>>,
) -> io::Result<()> {
    let mut asked = pin!(stop.requested());
    let mut signal = pin!(async {
        match signal {
            Some(signal) => signal.await,
            None => pending().await,
        }
    });
    poll_fn(|cx| match asked.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(Ok(())),
        Poll::Pending => signal.as_mut().poll(cx),
    })
    .await
}

/// Starts a child for each connection, until it is cancelled or the listener breaks.
async fn accept<'s, L, F>(
    n: &'s Nursery<'s, '_>,
    listener: &L,
    how: &'s Serve<Peer<L>>,
    connection: &'s F,
) -> io::Result<()>
where
    L: Accept,
    F: AsyncFn(L::Connection, Peer<L>) -> io::Result<()>,
{
    let is_unlimited = how.limit.is_none() && how.shared.is_none();
    let mut incoming = is_unlimited.then(|| listener.incoming());
    loop {
        let next = match &mut incoming {
            Some(incoming) => incoming.next().await.map(|accepted| (None, None, accepted)),
            None => limited(n, listener, how).await,
        };
        match next {
            Ok((slot, permit, (stream, peer))) => {
                // Called in the child: a function may panic before it has made a future.
                let its = peer.clone();
                let work = async move { connection(stream, its).await };
                let child = serve_one(how, peer, permit, work);
                match slot {
                    Some(slot) => drop(slot.spawn(child)),
                    None => drop(n.spawn(child)),
                }
            }
            Err(error) if is_exhausted(&error) => sleep(PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}

/// The next connection, once both limits allow one. Until then clients wait in the backlog.
async fn limited<'s, 'e, L: Accept>(
    n: &'s Nursery<'s, 'e>,
    listener: &L,
    how: &Serve<Peer<L>>,
) -> io::Result<(Option<Slot<'s, 'e>>, Option<Permit>, Accepted<L>)> {
    let slot = if how.limit.is_some() { Some(n.slot().await) } else { None };
    let Some(limit) = &how.shared else { return Ok((slot, None, listener.accept().await?)) };
    loop {
        listener.readable().await?;
        let permit = limit.permit().await;
        if let Some(accepted) = listener.accept_ready().await? {
            return Ok((slot, Some(permit), accepted));
        }
    }
}

/// One child. A failure of its connection is no failure of the server.
async fn serve_one<A>(
    how: &Serve<A>,
    peer: A,
    _permit: Option<Permit>,
    work: impl Future<Output = io::Result<()>>,
) {
    let error = match caught(work).await.take() {
        None | Some(Ok(Ok(()))) => return,
        Some(Ok(Err(error))) if is_cancelled(&error) => return,
        Some(Ok(Err(error))) => error,
        Some(Err(payload)) => JoinError::Panic(payload).into(),
    };
    if let Some(failed) = &how.failed {
        failed(peer, error);
    }
}
