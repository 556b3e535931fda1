//! The echo server: one task a connection.

use crate::process::How;
use std::io;
use std::net;
use tokio_uring::buf::BoundedBuf;
use tokio_uring::net::TcpStream;

pub(super) fn serve(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    tokio_uring::start(async {
        let spawn = |stream| tokio_uring::spawn(echo(TcpStream::from_std(stream), how.buffer));
        for task in streams.into_iter().map(spawn).collect::<Vec<_>>() {
            task.await.map_err(io::Error::other)??;
        }
        Ok(())
    })
}

async fn echo(stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer];
    loop {
        let (result, received) = stream.read(buffer).await;
        let length = result?;
        if length == 0 {
            return Ok(());
        }
        let (result, sent) = stream.write_all(received.slice(..length)).await;
        result?;
        buffer = sent.into_inner();
    }
}
