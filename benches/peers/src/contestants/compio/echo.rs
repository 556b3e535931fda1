//! The echo server: one task a connection.

use crate::process::How;
use compio::buf::{BufResult, IoBuf};
use compio::io::{AsyncRead, AsyncReadManaged, AsyncWriteExt};
use compio::net::TcpStream;
use std::io;
use std::net;

/// A buffer of its own for each connection.
pub(super) fn serve(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    run(streams, move |stream| own(stream, how.buffer))
}

/// Buffers of the runtime's pool.
pub(super) fn lean(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    run(streams, move |stream| pooled(stream, how.buffer))
}

fn run<F>(streams: Vec<net::TcpStream>, echo: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    super::runtime().block_on(async {
        let spawn = |stream| Ok(compio::runtime::spawn(echo(TcpStream::from_std(stream)?)));
        let tasks = streams.into_iter().map(spawn).collect::<io::Result<Vec<_>>>()?;
        for task in tasks {
            task.await.map_err(|_| io::Error::other("a task panicked"))??;
        }
        Ok(())
    })
}

async fn own(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(buffer);
    loop {
        let BufResult(result, received) = stream.read(buffer).await;
        let length = result?;
        if length == 0 {
            return Ok(());
        }
        let BufResult(result, sent) = stream.write_all(received.slice(..length)).await;
        result?;
        buffer = compio::buf::IntoInner::into_inner(sent);
        buffer.clear();
    }
}

async fn pooled(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    while let Some(received) = stream.read_managed(buffer).await? {
        if received.is_empty() {
            break;
        }
        stream.write_all(received).await.0?;
    }
    Ok(())
}
