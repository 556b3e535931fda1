//! Connections that are closed: one child each.

use crate::process::How;
use nestling::net::{TcpListener, TcpStream};
use nestling::{Serve, serve};
use std::io;
use std::net;

pub(super) fn all(listener: net::TcpListener, _: How) -> io::Result<()> {
    super::runtime().block_on(async {
        let listener = TcpListener::from_std(listener)?;
        serve(listener, Serve::default(), async |stream: TcpStream, _| {
            drop(stream);
            Ok(())
        })
        .await
    })
}
