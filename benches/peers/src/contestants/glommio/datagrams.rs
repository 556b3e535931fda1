//! The echo server of datagrams: one task.
#![expect(unsafe_code, reason = "a socket is made of a descriptor by that alone")]

use crate::process::How;
use glommio::net::UdpSocket;
use std::io;
use std::net;
use std::os::fd::{FromRawFd, IntoRawFd};

pub(super) fn echo(socket: net::UdpSocket, how: How) -> io::Result<()> {
    super::executor().run(async {
        // SAFETY: it is open, and owned by nothing else any more.
        let socket = unsafe { UdpSocket::from_raw_fd(socket.into_raw_fd()) };
        let mut buffer = vec![0; how.buffer];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await?;
            socket.send_to(&buffer[..length], from).await?;
        }
    })
}
