//! A call of gRPC as a nursery, which is a child of its connection.
//!
//! ```text
//!   connection's nursery ── call's nursery ── the handler, and what it spawns
//!                           deadline: grpc-timeout
//!                           cancelled when the client resets the stream
//! ```
//!
//! The client hears of the end, in the trailers, when all children of the call have ended. (In
//! tonic's own transport the time is for the head of the answer alone.)

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::http::HeaderMap;
use hyper::{Request, Response};
use nestling::io::nursery_with;
use nestling::sync::channel::Sender;
use nestling::sync::{channel, oneshot};
use nestling::time::Instant;
use nestling::{Nursery, Options, RemoteCanceller, Spawner};
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tonic::Status;
use tonic::service::Routes;
use tower::Service;

/// Held by the stream of HTTP/2: without it nothing is answered any more.
struct Wanted(RemoteCanceller);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Starts a call, and returns when it answers. Handlers find a [`Spawner`] of the call's nursery
/// among the extensions of their request.
pub(crate) async fn call(
    connection: Spawner,
    routes: Routes,
    request: Request<Incoming>,
) -> io::Result<Response<impl Body<Data = Bytes, Error = Infallible>>> {
    let canceller = RemoteCanceller::new();
    let wanted = Wanted(canceller.clone());
    let (head, has_head) = oneshot();
    let (frames, has_frames) = channel(1);
    let (end, has_ended) = oneshot();
    let child = async move {
        let deadline = timeout(request.headers()).map(|timeout| Instant::now() + timeout);
        let options = Options { name: Some("call"), deadline, ..Options::default() };
        let mut head = Some(head);
        let ended = nursery_with(options, async |n| {
            n.cancel_with(&canceller);
            let response = respond(n, routes, request).await;
            let (parts, body) = response.into_parts();
            _ = head.take().map(|head| head.send(Response::from_parts(parts, ())));
            pass_on(body, frames).await
        });
        // A stream that takes nothing any more was reset.
        _ = match (ended.await, head) {
            (Ok(trailers), _) => end.send(trailers).map_err(drop),
            (Err(error), None) => end.send(trailers(&error)).map_err(drop),
            (Err(error), Some(head)) => head.send(status(&error).into_http()).map_err(drop),
        };
    };
    let refused = |_| io::Error::new(ErrorKind::NotConnected, "the connection is ending");
    connection.spawn(child).map_err(refused)?;
    let head = has_head.await.map_err(io::Error::other)?;
    let trailers = stream::once(has_ended).filter_map(async |trailers| trailers.ok());
    let body = has_frames.map(Frame::data).chain(trailers.map(Frame::trailers));
    Ok(head.map(|()| {
        StreamBody::new(body.map(move |frame| {
            let _ = &wanted; // dropped with the body
            Ok(frame)
        }))
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

fn status(error: &io::Error) -> Status {
    match error.kind() {
        ErrorKind::TimedOut => Status::deadline_exceeded("the deadline passed"),
        _ => Status::internal(error.to_string()),
    }
}

fn trailers(error: &io::Error) -> HeaderMap {
    let (head, ()) = status(error).into_http().into_parts();
    head.headers
}

/// How long the client waits: up to eight digits and a unit. What is not of that form is ignored,
/// as tonic does.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at(text.len().checked_sub(1)?);
    let number: u32 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
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
