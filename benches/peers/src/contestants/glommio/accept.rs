//! Connections that are closed: one task each.
#![expect(unsafe_code, reason = "a listener is made of a descriptor by that alone")]

use crate::process::How;
use glommio::net::TcpListener;
use glommio::spawn_local;
use std::io;
use std::net;
use std::os::fd::{FromRawFd, IntoRawFd};

pub(super) fn all(listener: net::TcpListener, _: How) -> io::Result<()> {
    super::executor().run(async {
        // SAFETY: it is open, and owned by nothing else any more.
        let listener = unsafe { TcpListener::from_raw_fd(listener.into_raw_fd()) };
        loop {
            let stream = listener.accept().await?;
            spawn_local(async move { drop(stream) }).detach();
        }
    })
}
