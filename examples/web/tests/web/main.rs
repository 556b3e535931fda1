//! HTTP servers: hyper on Nestling by its own client, and the example before curl, wrk and h2load.
//!
//! | file | what it holds |
//! |---|---|
//! | `one.rs` | HTTP/1.1: bodies of all sizes, connections that are kept, cut and drained |
//! | `two.rs` | HTTP/2: streams are children of their connection's nursery |
//! | `pool.rs` | the client's pool, and the example `http_client` before nginx and `http` |
//! | `http.rs` | the example `http` from outside |
//! | `https.rs` | the example `https` from outside |
//! | `axum.rs` | the example `axum` from outside |
//! | `grpc.rs` | the example `grpc` before a client on Tokio |
//! | `foreign.rs` | programs as processes |

mod axum;
mod foreign;
mod grpc;
mod http;
mod https;
mod one;
mod pool;
#[path = "../../../../tests/support/process.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod process;
mod two;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use nestling::Runtime;
use nestling::net::TcpListener;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by a test that opens sockets, or counts those of the process.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test while no other one counts descriptors, in a runtime of its own; nothing is left of
/// it.
fn run(test: impl AsyncFnOnce()) {
    let _alone = alone();
    let mut runtime = Runtime::builder().build().unwrap();
    runtime.block_on(nestling::task::yield_now());
    let before = sockets();
    runtime.block_on(test());
    assert_eq!(sockets(), before, "sockets are left");
    let stats = runtime.stats();
    assert_eq!((stats.in_flight, stats.stale, stats.leaked), (0, 0, 0), "{stats:?}");
}

/// How many sockets the process has. Tests of programs open others meanwhile: pipes.
fn sockets() -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let names = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    names.filter(|name| name.to_string_lossy().starts_with("socket:")).count()
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn request(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::post(path).header("host", "here");
    request.body(Full::new(body.into())).unwrap()
}

async fn whole(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// Sends the body back as it comes.
async fn echo(request: Request<Incoming>) -> hyper::Result<Response<Incoming>> {
    Ok(Response::new(request.into_body()))
}
