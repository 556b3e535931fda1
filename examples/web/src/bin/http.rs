//! An HTTP server: HTTP/1.1, and HTTP/2 with prior knowledge, on one port.
//!
//! ```text
//! cargo run --release -p web --bin http -- --listen 127.0.0.1:8080
//! curl http://127.0.0.1:8080/hello
//! curl --http2-prior-knowledge --data-binary @file http://127.0.0.1:8080/echo
//! curl http://127.0.0.1:8080/metrics
//! ```
//!
//! Handlers borrow from the server's stack, and need not be `Send`. A request has so much time, and
//! after the first SIGTERM what has begun is finished: connections drain.

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use nestling::time::sleep;
use nestling::timeout;
use std::cell::Cell;
use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;
use web::{Requests, metrics, run_server, say, serve_http};

const HELP: &str = "\
An HTTP server that echoes, waits and counts.

  /hello    says hello           /echo      sends the body back
  /wait/N   answers after N ms   /bytes/N   answers N bytes
  /metrics  what was counted     /panic     panics
";

/// What the handlers share; they borrow it.
struct State {
    limit: Duration,
    requests: Cell<u64>,
    /// How many of them wait.
    waiting: Cell<u64>,
}

/// A request that waits, until it is dropped.
struct Waiting<'a>(&'a Cell<u64>);

impl<'a> Waiting<'a> {
    fn new(count: &'a Cell<u64>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

fn text(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let body = Full::new(text.into()).map_err(|never| match never {});
    let mut answer = Response::new(BoxBody::new(body));
    *answer.status_mut() = status;
    answer
}

/// So many bytes, of which few are in memory.
fn bytes(length: u64) -> Answer {
    static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];
    let pieces = (0..length).step_by(PIECE.len()).map(move |at| {
        let piece = (length - at).min(PIECE.len() as u64) as usize;
        Ok(Frame::data(Bytes::from_static(&PIECE[..piece])))
    });
    let mut answer = Response::new(StreamBody::new(stream::iter(pieces)).boxed());
    answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    answer
}

async fn handle(state: &State, request: Request<Incoming>) -> Result<Answer, Infallible> {
    state.requests.set(state.requests.get() + 1);
    let late = |_| text(StatusCode::SERVICE_UNAVAILABLE, "it took too long\n");
    Ok(timeout(state.limit, route(state, request)).await.unwrap_or_else(late))
}

async fn route(state: &State, request: Request<Incoming>) -> Answer {
    let path = request.uri().path();
    let number = |prefix| path.strip_prefix(prefix).and_then(|rest: &str| rest.parse().ok());
    match (request.method(), path) {
        (&Method::GET, "/hello") => text(StatusCode::OK, "hello\n"),
        // It goes back as it comes: nothing is collected.
        (&Method::POST | &Method::PUT, "/echo") => Response::new(request.into_body().boxed()),
        (&Method::GET, "/metrics") => {
            let (requests, waiting) = (state.requests.get(), state.waiting.get());
            let ours = format!(
                "# TYPE requests_total counter\nrequests_total {requests}\n\
                 # TYPE requests_waiting gauge\nrequests_waiting {waiting}\n"
            );
            text(StatusCode::OK, metrics(&nestling::stats()) + &ours)
        }
        (&Method::GET, "/panic") => panic!("a client has asked for it"),
        (&Method::GET, _) if let Some(millis) = number("/wait/") => {
            let _waiting = Waiting::new(&state.waiting);
            sleep(Duration::from_millis(millis)).await;
            text(StatusCode::OK, "waited\n")
        }
        (&Method::GET, _) if let Some(length) = number("/bytes/").filter(|n| *n <= 1 << 30) => {
            bytes(length)
        }
        _ => text(StatusCode::NOT_FOUND, "not here\n"),
    }
}

fn main() -> ExitCode {
    run_server(HELP, Requests::Limited, async |listener, options| {
        let state = State { limit: options.request, requests: Cell::new(0), waiting: Cell::new(0) };
        let service = service_fn(|request| handle(&state, request));
        serve_http(listener, options.limits, service).await?;
        say(format_args!("{} requests", state.requests.get()));
        Ok(())
    })
}
