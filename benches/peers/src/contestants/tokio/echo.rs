//! The echo server: one task a connection.

use crate::process::How;
use std::io;
use std::net;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// A buffer of its own for each connection.
pub(super) fn serve(runtime: &Runtime, streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    run(runtime, streams, move |stream| own(stream, how.buffer))
}

/// No buffer while a connection is idle.
pub(super) fn lean(runtime: &Runtime, streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    run(runtime, streams, move |stream| when_readable(stream, how.buffer))
}

pub(super) fn stream(stream: net::TcpStream) -> io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    TcpStream::from_std(stream)
}

fn run<F>(
    runtime: &Runtime,
    streams: Vec<net::TcpStream>,
    echo: impl Fn(TcpStream) -> F,
) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for stream in streams {
            tasks.spawn(echo(self::stream(stream)?));
        }
        while let Some(joined) = tasks.join_next().await {
            joined.map_err(io::Error::other)??;
        }
        Ok(())
    })
}

async fn own(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}

async fn when_readable(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    loop {
        stream.readable().await?;
        let mut buffer = vec![0; buffer];
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => stream.write_all(&buffer[..length]).await?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
