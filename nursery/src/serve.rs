//! `serve`: accepts connections, each into a child, until a stop; then drains.

use crate::grace::{Stop, grace};
use crate::nursery::{Nursery, nursery_with};
use crate::options::Options;
use crate::supervised::{JoinError, caught};
use nestling_runtime::lowlevel::{
    TcpListener, TcpStream, is_cancelled, is_exhausted, sleep, stop_requested,
};
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// How long the accept loop pauses when descriptors or memory ran out. Each attempt is one system
/// call: short enough that a client hardly notices, long enough that the core idles.
const PAUSE: Duration = Duration::from_millis(30);

/// How to [`serve`].
///
/// # Examples
///
/// ```
/// use nestling_nursery::Serve;
/// use std::time::Duration;
///
/// let how = Serve { limit: Some(10_000), drain: Duration::from_secs(30), ..Serve::default() }
///     .on_failure(|peer, error| eprintln!("{peer}: {error}"));
/// assert!(how.signals);
/// ```
#[derive(Clone)]
pub struct Serve {
    /// Connections that are served at the same time. While there are so many, no further one is
    /// accepted: clients wait in the listener's backlog. `None`, the default: as many as there are
    /// descriptors for.
    pub limit: Option<usize>,
    /// How long connections may go on after the stop; 5 seconds by default. What is left then is
    /// cancelled.
    pub drain: Duration,
    /// Whether the first `SIGINT` or `SIGTERM` is a stop, as
    /// [`stop_requested`](nestling_runtime::signal::stop_requested) says, which is so by default.
    pub signals: bool,
    /// What is told of connections that fail; see [`on_failure`](Self::on_failure).
    pub failed: Option<Rc<dyn Fn(SocketAddr, io::Error)>>,
}

impl Serve {
    /// Has `hook` be told of each connection that failed or panicked, in the task of the
    /// connection. One that is cut at the end of the drain has not failed.
    pub fn on_failure(mut self, hook: impl Fn(SocketAddr, io::Error) + 'static) -> Self {
        self.failed = Some(Rc::new(hook));
        self
    }
}

impl Default for Serve {
    fn default() -> Self {
        Self { limit: None, drain: Duration::from_secs(5), signals: true, failed: None }
    }
}

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("limit", &self.limit)
            .field("drain", &self.drain)
            .field("signals", &self.signals)
            .finish_non_exhaustive()
    }
}

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
/// listeners, or several cores, call it once for each.
///
/// # Cancellation
///
/// It is the stop: connections drain, and it returns `Ok`. Only after that the next wait of the
/// cancelled task is its end. Dropped early, it cuts all connections.
///
/// Connections that have reached the backlog and were not accepted are reset at the stop.
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
pub async fn serve<F>(listener: TcpListener, how: Serve, connection: F) -> io::Result<()>
where
    F: AsyncFn(TcpStream, SocketAddr) -> io::Result<()>,
{
    // From here on a signal is a stop, also before the first accept.
    let signal = how.signals.then(stop_requested);
    let mut accepted = Ok(());
    let options = Options { slots: how.limit, name: Some("serve"), ..Options::default() };
    let ended = grace(how.drain, async |stop: &Stop| {
        nursery_with(options, async |n| {
            let stopped = pin!(stopped(stop, signal));
            accepted = accept(n, &listener, &how, &connection, stopped).await;
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

/// Resolves at the stop.
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

/// Starts a child for each connection, until the stop.
async fn accept<'s, F>(
    n: &'s Nursery<'s, '_>,
    listener: &TcpListener,
    how: &'s Serve,
    connection: &'s F,
    mut stopped: Pin<&mut impl Future<Output = io::Result<()>>>,
) -> io::Result<()>
where
    F: AsyncFn(TcpStream, SocketAddr) -> io::Result<()>,
{
    let mut incoming = how.limit.is_none().then(|| listener.incoming());
    loop {
        let mut next = pin!(async {
            match &mut incoming {
                Some(incoming) => (None, incoming.next().await),
                // The slot comes first: what has none waits in the backlog.
                None => (Some(n.slot().await), listener.accept().await),
            }
        });
        let next = poll_fn(|cx| match stopped.as_mut().poll(cx) {
            Poll::Ready(stopped) => Poll::Ready(Err(stopped)),
            Poll::Pending => next.as_mut().poll(cx).map(Ok),
        });
        match next.await {
            Ok((slot, Ok((stream, peer)))) => {
                let child = serve_one(how, peer, connection(stream, peer));
                match slot {
                    Some(slot) => drop(slot.spawn(child)),
                    None => drop(n.spawn(child)),
                }
            }
            Ok((slot, Err(error))) if is_exhausted(&error) => {
                drop(slot);
                sleep(PAUSE).await;
            }
            Ok((_, Err(error))) => return Err(error),
            Err(stopped) => return stopped,
        }
    }
}

/// One child. What happens to its connection is no failure of the server.
async fn serve_one(how: &Serve, peer: SocketAddr, work: impl Future<Output = io::Result<()>>) {
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
