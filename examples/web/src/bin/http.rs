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
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use nestling::io::nursery;
use nestling::net::TcpListener;
use nestling::signal::stop_requested;
use nestling::time::sleep;
use nestling::{Serve, serve, timeout};
use std::cell::Cell;
use std::convert::Infallible;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use web::{Limits, metrics, serve_tcp};

const HELP: &str = "\
An HTTP server that echoes, waits and counts.

  --listen <address>  where to listen; 127.0.0.1:8080 by default
  --limit <ms>        how long a request may take; 10000 by default
  --drain <ms>        how long requests may go on after the stop; 5000 by default

  /hello    says hello           /echo      sends the body back
  /wait/N   answers after N ms   /bytes/N   answers N bytes
  /metrics  what was counted     /panic     panics
";

struct Options {
    listen: SocketAddr,
    limit: Duration,
    drain: Duration,
}

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
            text(StatusCode::OK, vec![b'x'; length as usize])
        }
        _ => text(StatusCode::NOT_FOUND, "not here\n"),
    }
}

async fn run(options: Options) -> io::Result<()> {
    // Before the first word: from here on a signal is a stop.
    let stop = stop_requested();
    let listener = TcpListener::bind(options.listen).await?;
    say(&format!("listening on {}", listener.local_addr()?));
    let state = State { limit: options.limit, requests: Cell::new(0), waiting: Cell::new(0) };
    let limits = Limits { drain: options.drain, ..Limits::default() };
    // The stop is a cancel: connections hear of it by their `grace`.
    let how = Serve { signals: false, drain: options.drain, ..Serve::default() };
    let how = how.on_failure(|peer, error| complain(&format!("{peer}: {error}")));
    let state = &state;
    nursery(async |n| {
        n.spawn(serve(listener, how, async |stream, _| {
            serve_tcp(stream, limits, service_fn(|request| handle(state, request))).await
        }));
        stop.await?;
        n.cancel();
        Ok(())
    })
    .await?;
    say(&format!("{} requests", state.requests.get()));
    Ok(())
}

fn say(line: &str) {
    // A reader that has gone is no reason to stop serving.
    let _ = writeln!(io::stdout(), "{line}");
}

fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "http: {line}");
}

fn parse() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::ValueExt;
    use lexopt::prelude::Long;
    let mut options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
        limit: Duration::from_secs(10),
        drain: Duration::from_secs(5),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") => return Ok(None),
            Long("listen") => options.listen = parser.value()?.parse()?,
            Long("limit") => options.limit = Duration::from_millis(parser.value()?.parse()?),
            Long("drain") => options.drain = Duration::from_millis(parser.value()?.parse()?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

/// 0: it ended as asked. 1: it could not run. 2: it was called wrongly.
fn main() -> ExitCode {
    match parse() {
        Ok(None) => {
            say(HELP);
            ExitCode::SUCCESS
        }
        Ok(Some(options)) => match nestling::block_on(run(options)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain(&error.to_string());
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            complain(&format!("{error} (--help lists the options)"));
            ExitCode::from(2)
        }
    }
}
