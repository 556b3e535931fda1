//! The echo server of datagrams: the kernel is asked once for all that come; one child for each
//! that goes back, so that those of a turn go together.

use crate::process::How;
use nestling::io::nursery;
use nestling::net::UdpSocket;
use std::io;
use std::net;

pub(super) fn echo(socket: net::UdpSocket, how: How) -> io::Result<()> {
    super::echo::pooled(how).build()?.block_on(async {
        let socket = &UdpSocket::from_std(socket)?;
        nursery(async |n| {
            let mut datagrams = socket.recv_stream();
            loop {
                let (lease, datagram) = datagrams.next().await?;
                n.spawn(async move { socket.send_to(lease, datagram.from).await.0 });
            }
        })
        .await
    })
}
