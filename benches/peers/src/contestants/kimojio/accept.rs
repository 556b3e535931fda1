//! Connections that are closed: one task each.

use crate::process::How;
use kimojio::operations::{accept, close, spawn_task};
use std::io;
use std::net::TcpListener;

pub(super) fn all(listener: TcpListener, _: How) -> io::Result<()> {
    super::run(async move {
        loop {
            let stream = accept(&listener).await?;
            spawn_task(close(stream));
        }
    })
}
