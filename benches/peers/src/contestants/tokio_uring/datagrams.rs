//! The echo server of datagrams: some tasks, so that one is received while others are sent.

use super::super::common::RECEIVERS;
use crate::process::How;
use std::io;
use std::net;
use std::rc::Rc;
use tokio_uring::buf::BoundedBuf;
use tokio_uring::net::UdpSocket;

pub(super) fn echo(socket: net::UdpSocket, how: How) -> io::Result<()> {
    tokio_uring::start(async {
        let socket = Rc::new(UdpSocket::from_std(socket));
        let spawn = |_| tokio_uring::spawn(receiver(Rc::clone(&socket), how.buffer));
        for task in (0..RECEIVERS).map(spawn).collect::<Vec<_>>() {
            task.await.map_err(io::Error::other)??;
        }
        Ok(())
    })
}

async fn receiver(socket: Rc<UdpSocket>, buffer: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer];
    loop {
        let (result, received) = socket.recv_from(buffer).await;
        let (length, from) = result?;
        let (result, sent) = socket.send_to(received.slice(..length), from).await;
        result?;
        buffer = sent.into_inner();
    }
}
