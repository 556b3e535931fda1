//! HTTP/2 by hyper: one task a connection, and one a stream.

use super::super::common::answer;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io;
use std::net;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(super) fn all(runtime: &Runtime, listener: net::TcpListener) -> io::Result<()> {
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let server = http2::Builder::new(TokioExecutor::new());
                // Errors of a connection are its own end.
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service_fn(answer)));
            }
        });
        accepting.await?
    })
}
