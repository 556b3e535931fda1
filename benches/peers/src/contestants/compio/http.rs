//! HTTP/1.1 by hyper: one task a connection, over the streams of cyper, which are made for that.

use super::super::common::answer;
use crate::process::How;
use compio::net::TcpStream;
use cyper_core::HyperStream;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::io;
use std::net;

pub(super) fn serve(streams: Vec<net::TcpStream>, _: How) -> io::Result<()> {
    super::runtime().block_on(async {
        let mut tasks = Vec::new();
        for stream in streams {
            let stream = HyperStream::new_plain(TcpStream::from_std(stream)?);
            let serving = http1::Builder::new().serve_connection(stream, service_fn(answer));
            tasks.push(compio::runtime::spawn(serving));
        }
        for task in tasks {
            // Errors of a connection are its own end.
            let _ = task.await.map_err(|_| io::Error::other("a task panicked"))?;
        }
        Ok(())
    })
}
