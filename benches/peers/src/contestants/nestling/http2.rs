//! HTTP/2 by hyper: one nursery a connection, of which each stream is a child.

use super::super::common::answer;
use crate::process::How;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use nestling::io::nursery;
use nestling::net::{TcpListener, TcpStream};
use nestling::{Serve, serve};
use std::io;
use std::net;

pub(super) fn all(listener: net::TcpListener, _: How) -> io::Result<()> {
    super::runtime().block_on(async {
        let listener = TcpListener::from_std(listener)?;
        serve(listener, Serve::default(), async |stream: TcpStream, _| {
            stream.set_nodelay(true)?;
            nursery(async |n| {
                // Errors of a connection are its own end.
                let _ = http2::Builder::new(n).serve_connection(stream, service_fn(answer)).await;
                Ok(())
            })
            .await
        })
        .await
    })
}
