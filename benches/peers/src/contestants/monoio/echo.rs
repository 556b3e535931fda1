//! The echo server: one task a connection.

use crate::process::How;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpStream;
use std::io;
use std::net;

/// A buffer of its own for each connection.
pub(super) fn serve(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    run(streams, move |stream| own(stream, how.buffer))
}

/// No buffer while a connection is idle.
pub(super) fn lean(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    run(streams, move |stream| when_readable(stream, how.buffer))
}

fn run<F>(streams: Vec<net::TcpStream>, echo: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    super::runtime().block_on(async {
        let spawn = |stream| Ok(monoio::spawn(echo(TcpStream::from_std(stream)?)));
        let tasks = streams.into_iter().map(spawn).collect::<io::Result<Vec<_>>>()?;
        for task in tasks {
            task.await?;
        }
        Ok(())
    })
}

async fn own(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(buffer);
    let mut result;
    loop {
        (result, buffer) = stream.read(buffer).await;
        if result? == 0 {
            return Ok(());
        }
        (result, buffer) = stream.write_all(buffer).await;
        result?;
        buffer.clear();
    }
}

async fn when_readable(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    loop {
        stream.readable(true).await?;
        let (result, buffer) = stream.read(Vec::with_capacity(buffer)).await;
        if result? == 0 {
            return Ok(());
        }
        stream.write_all(buffer).await.0?;
    }
}
