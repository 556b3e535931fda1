//! Connections that are closed: one task each.

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
                tokio::spawn(async move { drop(stream) });
            }
        });
        accepting.await?
    })
}
