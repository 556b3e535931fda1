//! The echo server of datagrams: the kernel is asked once for all that come, into buffers of the
//! runtime's pool; one task for each that goes back.

use crate::process::How;
use compio::net::UdpSocket;
use futures_util::StreamExt;
use std::io;
use std::net;
use std::pin::pin;

pub(super) fn echo(socket: net::UdpSocket, _: How) -> io::Result<()> {
    super::runtime().block_on(async {
        let socket = UdpSocket::from_std(socket)?;
        loop {
            let mut datagrams = pin!(socket.recv_from_multi());
            while let Some(datagram) = datagrams.next().await {
                let datagram = datagram?;
                let from = datagram.addr().and_then(|from| from.as_socket());
                let from = from.ok_or(io::ErrorKind::InvalidData)?;
                let (socket, bytes) = (socket.clone(), datagram.data().to_vec());
                compio::runtime::spawn(async move { socket.send_to(bytes, from).await }).detach();
            }
        }
    })
}
