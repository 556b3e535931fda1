//! The echo server of datagrams: some tasks, so that one is received while others are sent.

use super::super::common::RECEIVERS;
use crate::process::How;
use compio::buf::{BufResult, IntoInner, IoBuf};
use compio::net::UdpSocket;
use std::io;
use std::net;

pub(super) fn echo(socket: net::UdpSocket, how: How) -> io::Result<()> {
    super::runtime().block_on(async {
        let socket = UdpSocket::from_std(socket)?;
        let spawn = |_| compio::runtime::spawn(receiver(socket.clone(), how.buffer));
        for task in (0..RECEIVERS).map(spawn).collect::<Vec<_>>() {
            task.await.map_err(|_| io::Error::other("a task panicked"))??;
        }
        Ok(())
    })
}

async fn receiver(socket: UdpSocket, buffer: usize) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(buffer);
    loop {
        let BufResult(result, received) = socket.recv_from(buffer).await;
        let (length, from) = result?;
        let BufResult(result, sent) = socket.send_to(received.slice(..length), from).await;
        result?;
        buffer = sent.into_inner();
        buffer.clear();
    }
}
