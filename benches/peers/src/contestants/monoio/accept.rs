//! Connections that are closed: one task each.

use crate::process::How;
use monoio::net::TcpListener;
use std::io;
use std::net;

pub(super) fn all(listener: net::TcpListener, _: How) -> io::Result<()> {
    super::runtime().block_on(async {
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            monoio::spawn(async move { drop(stream) });
        }
    })
}
