//! The echo server of datagrams: some tasks, so that one is received while others are sent.

use super::super::common::RECEIVERS;
use crate::process::How;
use monoio::buf::IoBuf;
use monoio::net::udp::UdpSocket;
use std::io;
use std::net;
use std::rc::Rc;

pub(super) fn echo(socket: net::UdpSocket, how: How) -> io::Result<()> {
    super::runtime().block_on(async {
        let socket = Rc::new(UdpSocket::from_std(socket)?);
        let spawn = |_| monoio::spawn(receiver(Rc::clone(&socket), how.buffer));
        for task in (0..RECEIVERS).map(spawn).collect::<Vec<_>>() {
            task.await?;
        }
        Ok(())
    })
}

async fn receiver(socket: Rc<UdpSocket>, buffer: usize) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(buffer);
    loop {
        let (result, received) = socket.recv_from(buffer).await;
        let (length, from) = result?;
        let (result, sent) = socket.send_to(received.slice(..length), from).await;
        result?;
        buffer = sent.into_inner();
        buffer.clear();
    }
}
