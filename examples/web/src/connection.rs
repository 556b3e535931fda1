//! Connections of servers: HTTP/1.1 or HTTP/2, until a stop, after which they drain.

use crate::opening::Opening;
use crate::program::complain;
use futures_util::future::{Either, select};
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, Service};
use hyper::{Request, Response};
use nestling::hyper::Timer;
use nestling::io::nursery;
use nestling::net::{TcpListener, TcpStream};
use nestling::time::{Sleep, sleep};
use nestling::{Elapsed, Serve, Spawner, Stop, grace, is_cancelled, serve, timeout};
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

/// For how long a connection may lie still after the stop while no handler runs: a client has as
/// long to confirm that it has heard of the stop, or to take more of a response. One that is silent
/// does not hold a drain.
const SILENCE: Duration = Duration::from_secs(1);

/// What a connection may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For the head of a request to come, also between two requests of one connection.
    pub head: Duration,
    /// For requests to end after the stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: Duration::from_secs(30), drain: Duration::from_secs(5) }
    }
}

impl Limits {
    /// How to accept connections for which these limits hold. The stop is a cancel of the server's
    /// task, of which connections hear by their `grace`.
    pub fn serve(&self) -> Serve {
        let how = Serve { signals: false, drain: self.drain, ..Serve::default() };
        how.on_failure(|peer, error| complain(format_args!("{peer}: {error}")))
    }
}

/// Serves what connects, until the task is cancelled; then it drains. All connections have one
/// service, which may borrow, and need not be `Send`.
///
/// # Errors
///
/// The listener broke.
pub async fn serve_http<S, B>(listener: TcpListener, limits: Limits, service: S) -> io::Result<()>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let connection = async |stream, _| serve_tcp(stream, limits, &service).await;
    serve(listener, limits.serve(), connection).await
}

/// Serves a connection by HTTP/2 if it begins with the preface of that ("prior knowledge"), else by
/// HTTP/1.1.
///
/// # Errors
///
/// The connection broke, or what came is no HTTP.
pub async fn serve_tcp<S>(stream: TcpStream, limits: Limits, service: S) -> io::Result<()>
where
    S: HttpService<Incoming, Error: Into<Box<dyn Error + Send + Sync>>>,
    S::ResBody: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    stream.set_nodelay(true)?;
    match opening(stream, limits).await? {
        Some(opening) if opening.is_http2() => serve_opened(opening, limits, |_| service).await,
        Some(opening) => serve_http1(opening, limits, service).await,
        None => Ok(()),
    }
}

/// Waits for what comes before the first request, for as long as a client may take for the head of
/// one. After the stop it is not waited for any more, and only what is there counts. None if the
/// time is up.
pub async fn before_request<F: Future>(limits: Limits, future: F) -> Option<F::Output> {
    let waited = grace(limits.drain, async |stop| {
        let mut future = pin!(future);
        let (late, stopped) = (pin!(sleep(limits.head)), pin!(stop.requested()));
        match select(future.as_mut(), select(late, stopped)).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => timeout(Duration::ZERO, future).await.ok(),
        }
    });
    waited.await.ok()?
}

/// How a connection begins. None if nothing comes of it: most clients that open a connection in
/// advance and use it for nothing end here.
async fn opening<I>(io: I, limits: Limits) -> io::Result<Option<Opening<I>>>
where
    I: hyper::rt::Read + Unpin,
{
    let opening = before_request(limits, Opening::of(io)).await.transpose()?;
    Ok(opening.filter(|opening| !opening.is_empty()))
}

/// Serves a connection by HTTP/1.1. After the stop it ends with the response to the request that it
/// has begun.
///
/// # Errors
///
/// The connection broke, or what came is no HTTP/1.
pub async fn serve_http1<I, S>(io: I, limits: Limits, service: S) -> io::Result<()>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: HttpService<Incoming, Error: Into<Box<dyn Error + Send + Sync>>>,
    S::ResBody: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let served = grace(limits.drain, async |stop| {
        let mut server = http1::Builder::new();
        server.timer(Timer).header_read_timeout(limits.head).half_close(true);
        let connection = pin!(server.serve_connection(io, service));
        until(stop, connection, |connection| connection.graceful_shutdown(), || false).await
    });
    drained(served.await)
}

/// Serves a connection by HTTP/2. Its streams are children of a nursery, which ends with it: one
/// that panics, or a connection that is cut, takes all of them along. After the stop no new ones
/// begin, and a connection without children is cut once its client has been silent for a second: it
/// neither confirms the stop, nor takes more of a response. A client has as much time to begin
/// HTTP/2 as for the head of a request.
///
/// # Errors
///
/// The connection broke, or what came is no HTTP/2.
pub async fn serve_http2<I, S>(io: I, limits: Limits, service: S) -> io::Result<()>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: HttpService<Incoming, Error: Into<Box<dyn Error + Send + Sync>>>,
    S::ResBody: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    serve_http2_with(io, limits, |_| service).await
}

/// Serves a connection by HTTP/2, as [`serve_http2`], with a service that starts children of the
/// connection's nursery by a [`Spawner`]. While one of them runs, the
/// connection is not cut before the end of the drain.
///
/// # Errors
///
/// As there.
pub async fn serve_http2_with<I, S>(
    io: I,
    limits: Limits,
    service: impl FnOnce(Spawner) -> S,
) -> io::Result<()>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: HttpService<Incoming, Error: Into<Box<dyn Error + Send + Sync>>>,
    S::ResBody: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    match opening(io, limits).await? {
        Some(opening) => serve_opened(opening, limits, service).await,
        None => Ok(()),
    }
}

/// From the preface on: before it, hyper waits without a limit.
async fn serve_opened<I, S>(
    io: Opening<I>,
    limits: Limits,
    service: impl FnOnce(Spawner) -> S,
) -> io::Result<()>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
    S: HttpService<Incoming, Error: Into<Box<dyn Error + Send + Sync>>>,
    S::ResBody: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
{
    let served = grace(limits.drain, async |stop| {
        nursery(async |n| {
            let mut server = http2::Builder::new(n);
            server.timer(Timer).keep_alive_interval(limits.head).keep_alive_timeout(limits.head);
            let connection = pin!(server.serve_connection(io, service(n.spawner())));
            until(stop, connection, |connection| connection.graceful_shutdown(), || n.is_empty())
                .await
        })
        .await
    });
    drained(served.await)
}

/// What is cut at the end of the drain has not failed: that is what the drain is for.
fn drained(served: Result<io::Result<()>, Elapsed>) -> io::Result<()> {
    match served {
        Ok(Err(error)) if !is_cancelled(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Polls a connection to its end; `shut_down` is called at the stop, after a poll, in which it sees
/// what has come by then. After that the connection is cut once it has not been woken for a while,
/// and `is_idle` then.
async fn until<C: Future<Output = hyper::Result<()>>>(
    stop: &Stop,
    mut connection: Pin<&mut C>,
    shut_down: impl Fn(Pin<&mut C>),
    is_idle: impl Fn() -> bool,
) -> io::Result<()> {
    let mut stopped = pin!(stop.requested());
    // From the stop on.
    let mut silence = None;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(ended.map_err(io::Error::other));
            }
            if let Some(silence) = &mut silence {
                return poll_silence(silence, cx, &is_idle).map(Ok);
            }
            if stopped.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            silence = Some(Box::pin(sleep(SILENCE)));
            shut_down(connection.as_mut());
        }
    })
    .await
}

/// Ready if it was the time that woke the task, and not the connection: each poll begins it anew.
fn poll_silence(
    silence: &mut Pin<Box<Sleep>>,
    cx: &mut Context<'_>,
    is_idle: impl Fn() -> bool,
) -> Poll<()> {
    if silence.as_mut().poll(cx).is_ready() && is_idle() {
        return Poll::Ready(());
    }
    silence.set(sleep(SILENCE));
    silence.as_mut().poll(cx)
}
