//! A router of axum's, by axum's own server.

use super::super::common::router;
use axum::serve::ListenerExt;
use std::io;
use std::net;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

pub(super) fn all(runtime: &Runtime, listener: net::TcpListener) -> io::Result<()> {
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let serving = tokio::spawn(async { axum::serve(listener, router()).await });
        serving.await?
    })
}
