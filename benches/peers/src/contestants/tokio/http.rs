//! HTTP/1.1 by hyper: one task a connection.

use super::super::common::answer;
use super::echo::stream;
use crate::process::How;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub(super) fn serve(runtime: &Runtime, streams: Vec<TcpStream>, _: How) -> io::Result<()> {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for stream in streams {
            let stream = TokioIo::new(self::stream(stream)?);
            tasks.spawn(http1::Builder::new().serve_connection(stream, service_fn(answer)));
        }
        while let Some(joined) = tasks.join_next().await {
            // Errors of a connection are its own end.
            let _ = joined.map_err(io::Error::other)?;
        }
        Ok(())
    })
}
