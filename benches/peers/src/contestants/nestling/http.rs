//! HTTP/1.1 by hyper: one child a connection.

use super::super::common::answer;
use crate::process::How;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use nestling::net::TcpStream;
use nestling::nursery;
use std::io;
use std::net;

pub(super) fn serve(streams: Vec<net::TcpStream>, _: How) -> io::Result<()> {
    super::runtime().block_on(nursery(async |n| {
        for stream in streams {
            let stream = TcpStream::from_std(stream)?;
            n.spawn(async move {
                let served = http1::Builder::new().serve_connection(stream, service_fn(answer));
                // Errors of a connection are its own end.
                let _ = served.await;
                Ok(())
            });
        }
        Ok(())
    }))
}
