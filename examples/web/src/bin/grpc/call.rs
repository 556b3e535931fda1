//! A call of gRPC as a nursery, which is a child of its connection.
//!
//! ```text
//!   connection's nursery ── call's nursery ── the handler, and what it spawns
//!                           deadline: grpc-timeout
//!                           cancelled when the client resets the stream
//! ```
//!
//! The client hears of the end when all children of the call have ended: in trailers, or with a
//! status instead of an answer in its head, which is the only frame ("Trailers-Only"). (In tonic's
//! own transport the time is for the head of the answer alone.)

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Either, Empty, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Request, Response};
use nestling::io::nursery_with;
use nestling::sync::channel::Sender;
use nestling::sync::{channel, oneshot};
use nestling::time::Instant;
use nestling::{Nursery, Options, RemoteCanceller, Spawner, timeout};
use std::convert::Infallible;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tonic::Status;
use tonic::metadata::GRPC_CONTENT_TYPE;
use tonic::service::Routes;
use tower::Service;

/// Held by the stream of HTTP/2: without it nothing is answered any more.
struct Wanted(RemoteCanceller);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A head that has it is the whole answer.
const STATUS: &str = "grpc-status";

/// Starts a call, and returns when it answers, for which it has until `limit`. Handlers find a
/// [`Spawner`] of the call's nursery among the extensions of their request.
pub(crate) async fn call(
    connection: Spawner,
    routes: Routes,
    limit: Duration,
    request: Request<Incoming>,
) -> io::Result<Response<impl Body<Data = Bytes, Error = Box<dyn Error + Send + Sync>>>> {
    let canceller = RemoteCanceller::new();
    let wanted = Wanted(canceller.clone());
    let (head, has_head) = oneshot();
    let (frames, has_frames) = channel(1);
    let (end, has_ended) = oneshot();
    let child = async move {
        let deadline = client_timeout(request.headers()).map(|time| Instant::now() + time);
        let options = Options { name: Some("call"), deadline, ..Options::default() };
        let mut head = Some(head);
        let ended = nursery_with(options, async |n| {
            n.cancel_with(&canceller);
            let response = timeout(limit, respond(n, routes, request)).await?;
            let (parts, body) = response.into_parts();
            if parts.headers.contains_key(STATUS) {
                return Ok(parts.headers);
            }
            _ = head.take().map(|head| head.send(Response::from_parts(parts, ())));
            pass_on(body, frames).await
        });
        let trailers = ended.await.unwrap_or_else(|error| trailers(&error));
        // A stream that takes nothing any more was reset.
        _ = match head {
            None => end.send(trailers).map_err(drop),
            Some(head) => head.send(trailers_only(trailers)).map_err(drop),
        };
    };
    let refused = |_| io::Error::new(ErrorKind::NotConnected, "the connection is ending");
    connection.spawn(child).map_err(refused)?;
    let head = has_head.await.map_err(io::Error::other)?;
    if head.headers().contains_key(STATUS) {
        return Ok(head.map(|()| Either::Left(Empty::new())));
    }
    let trailers = stream::once(has_ended).filter_map(async |trailers| trailers.ok());
    let body = has_frames.map(Frame::data).chain(trailers.map(Frame::trailers));
    Ok(head.map(|()| {
        Either::Right(StreamBody::new(body.map(move |frame| {
            let _ = &wanted; // dropped with the body
            Ok::<_, Infallible>(frame)
        })))
    }))
}

async fn respond(
    n: &Nursery<'_, '_>,
    mut routes: Routes,
    mut request: Request<Incoming>,
) -> Response<tonic::body::Body> {
    request.extensions_mut().insert(n.spawner());
    let Ok(response) = routes.call(request).await;
    response
}

/// Passes the data on; the trailers come out.
async fn pass_on(mut body: tonic::body::Body, frames: Sender<Bytes>) -> io::Result<HeaderMap> {
    while let Some(frame) = body.frame().await {
        match frame.map_err(io::Error::other)?.into_data() {
            // The client goes: the cancel is on its way.
            Ok(data) => _ = frames.send(data).await,
            Err(frame) => return Ok(frame.into_trailers().unwrap_or_default()),
        }
    }
    Ok(HeaderMap::new())
}

fn trailers(error: &io::Error) -> HeaderMap {
    let status = match error.kind() {
        ErrorKind::TimedOut => Status::deadline_exceeded("the deadline passed"),
        _ => Status::internal(error.to_string()),
    };
    let mut trailers = HeaderMap::new();
    // The text is encoded so that it fits into a header.
    _ = status.add_header(&mut trailers);
    trailers
}

/// A head that is the end as well.
fn trailers_only(trailers: HeaderMap) -> Response<()> {
    let mut head = Response::new(());
    *head.headers_mut() = trailers;
    head.headers_mut().insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    head
}

/// How long the client waits: up to eight digits and a unit. What is not of that form is ignored,
/// as tonic does.
fn client_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at(text.len().checked_sub(1)?);
    let is_number = digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u32 = digits.parse().ok().filter(|_| is_number)?;
    Some(match unit {
        "H" => Duration::from_secs(3600) * number,
        "M" => Duration::from_secs(60) * number,
        "S" => Duration::from_secs(1) * number,
        "m" => Duration::from_millis(1) * number,
        "u" => Duration::from_micros(1) * number,
        "n" => Duration::from_nanos(1) * number,
        _ => return None,
    })
}
