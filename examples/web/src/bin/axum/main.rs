//! A server with a `Router` of axum's, its extractors and its state, over HTTP/1.1 and HTTP/2.
//!
//! ```text
//! cargo run --release -p web --bin axum -- --listen 127.0.0.1:8080
//! curl http://127.0.0.1:8080/hello/there
//! ```
//!
//! axum asks for state and handlers that are `Send`, because its own server moves tasks between
//! threads. Here both stay on their core: `here` says that, and is the one place that does.

mod here;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use here::{Shared, here};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request};
use nestling::time::sleep;
use nestling::timeout;
use std::cell::Cell;
use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;
use tower::Service;
use web::{Requests, run_server, say, serve_http};

const HELP: &str = "\
A server with axum.

  /hello/NAME  greets       /visits  counts those that POST; GET says how many
  /wait/N      answers after N ms
";

/// What the handlers share. Nothing in it is atomic, or has a lock.
#[derive(Default)]
struct App {
    visits: Cell<u64>,
}

type Visits = State<Shared<App>>;

/// A handler that waits for nothing of Nestling's needs nothing.
async fn hello(Path(name): Path<String>) -> String {
    format!("hello {name}\n")
}

async fn visits(State(app): Visits, method: Method) -> String {
    app.visits.set(app.visits.get() + u64::from(method == Method::POST));
    format!("{}\n", app.visits.get())
}

/// One that does has its extractors in one argument.
async fn wait((State(app), Path(millis)): (Visits, Path<u64>)) -> String {
    let before = app.visits.get();
    sleep(Duration::from_millis(millis)).await;
    format!("{} visits meanwhile\n", app.visits.get() - before)
}

/// What came of a request that may take so long.
async fn respond(
    mut router: Router,
    limit: Duration,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let late = |_| Ok((StatusCode::SERVICE_UNAVAILABLE, "it took too long\n").into_response());
    timeout(limit, router.call(request)).await.unwrap_or_else(late)
}

fn main() -> ExitCode {
    run_server(HELP, Requests::Limited, async |listener, options| {
        let app = Shared::new(App::default().into());
        let router = Router::new()
            .route("/hello/{name}", get(hello))
            .route("/visits", get(visits).post(visits))
            .route("/wait/{millis}", get(here(wait)))
            .with_state(app.clone());
        let service = service_fn(|request| respond(router.clone(), options.request, request));
        serve_http(listener, options.limits, service).await?;
        say(format_args!("{} visits", app.visits.get()));
        Ok(())
    })
}
