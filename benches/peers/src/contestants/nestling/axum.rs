//! A router of axum's, by hyper's HTTP/1.1: one child a connection.

use super::super::common::router;
use crate::process::How;
use hyper::server::conn::http1;
use hyper_util::service::TowerToHyperService;
use nestling::net::{TcpListener, TcpStream};
use nestling::{Serve, serve};
use std::io;
use std::net;

pub(super) fn all(listener: net::TcpListener, _: How) -> io::Result<()> {
    let service = TowerToHyperService::new(router());
    super::runtime().block_on(async {
        let listener = TcpListener::from_std(listener)?;
        serve(listener, Serve::default(), async |stream: TcpStream, _| {
            stream.set_nodelay(true)?;
            // Errors of a connection are its own end.
            let _ = http1::Builder::new().serve_connection(stream, service.clone()).await;
            Ok(())
        })
        .await
    })
}
