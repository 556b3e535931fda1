//! The echo server: one task a connection.

use crate::process::How;
use futures_util::{AsyncReadExt, AsyncWriteExt};
use glommio::net::TcpStream;
use glommio::spawn_local;
use socket2::Socket;
use std::io;
use std::net;

pub(super) fn serve(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    super::executor().run(async {
        let spawn = |stream| spawn_local(echo(self::stream(stream), how.buffer));
        for task in streams.into_iter().map(spawn).collect::<Vec<_>>() {
            task.await?;
        }
        Ok(())
    })
}

pub(super) fn stream(stream: net::TcpStream) -> TcpStream {
    TcpStream::from(Socket::from(stream))
}

async fn echo(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}
