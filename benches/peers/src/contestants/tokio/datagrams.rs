//! The echo server of datagrams: one task.

use crate::process::How;
use std::io;
use std::net;
use tokio::net::UdpSocket;
use tokio::runtime::Runtime;

pub(super) fn echo(runtime: &Runtime, socket: net::UdpSocket, how: How) -> io::Result<()> {
    runtime.block_on(async {
        socket.set_nonblocking(true)?;
        let socket = UdpSocket::from_std(socket)?;
        let echoing = tokio::spawn(async move {
            let mut buffer = vec![0; how.buffer];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await?;
                socket.send_to(&buffer[..length], from).await?;
            }
        });
        echoing.await?
    })
}
