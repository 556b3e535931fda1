//! HTTP/1.1 by hyper: one task a connection, over the streams that wait for readiness, which is the
//! way to hyper that monoio has.

use super::super::common::answer;
use crate::process::How;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use monoio::net::TcpStream;
use std::io;
use std::net;

pub(super) fn serve(streams: Vec<net::TcpStream>, _: How) -> io::Result<()> {
    super::runtime().block_on(async {
        let mut tasks = Vec::new();
        for stream in streams {
            let stream = TcpStream::from_std(stream)?;
            let stream = TokioIo::new(stream.try_into_poll_io().map_err(|(error, _)| error)?);
            let serving = http1::Builder::new().serve_connection(stream, service_fn(answer));
            tasks.push(monoio::spawn(serving));
        }
        for task in tasks {
            // Errors of a connection are its own end.
            let _ = task.await;
        }
        Ok(())
    })
}
