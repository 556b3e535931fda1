//! The echo server: one child a connection.

use super::super::common::spin;
use super::super::{Absent, Program};
use crate::process::How;
use crate::rows::Work;
use nestling::buf::IoBuf;
use nestling::net::TcpStream;
use nestling::{Builder, Runtime, nursery};
use std::io;
use std::net;
use std::time::Duration;

/// How long one that spins looks, and one that batches keeps a completion waiting.
const MOMENT: Duration = Duration::from_micros(50);

/// An echo server that is asked for by its name.
pub(crate) fn with(
    work: Work,
    serve: fn(Vec<net::TcpStream>, How) -> io::Result<()>,
) -> Result<Program, Absent> {
    match work {
        Work::Echo => Ok(Program::Streams(serve)),
        _ => Err(""),
    }
}

/// A buffer of its own for each connection.
pub(crate) fn read(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    serve(streams, Runtime::builder(), async |stream| own(stream, how).await)
}

/// That, by a runtime that looks for completions for a while before it sleeps.
pub(crate) fn spinning(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    serve(streams, Runtime::builder().spin(MOMENT), async |stream| own(stream, how).await)
}

/// That, by a runtime that sleeps for several completions under load.
pub(crate) fn batching(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    serve(streams, Runtime::builder().batch(MOMENT), async |stream| own(stream, how).await)
}

/// Leases of the core's pool, one by one.
pub(crate) fn leases(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    serve(streams, pooled(how), async |stream| {
        loop {
            let lease = stream.recv().await?;
            if lease.is_empty() {
                return Ok(());
            }
            stream.write_all(lease).await.0?;
        }
    })
}

/// The same, for which the kernel is asked once.
pub(crate) fn stream(streams: Vec<net::TcpStream>, how: How) -> io::Result<()> {
    serve(streams, pooled(how), async |stream| {
        let mut leases = stream.recv_stream();
        loop {
            let lease = leases.next().await?;
            if lease.is_empty() {
                return Ok(());
            }
            stream.write_all(lease).await.0?;
        }
    })
}

/// As many buffers as the default pool has, of the size that the others have.
pub(super) fn pooled(how: How) -> Builder {
    Runtime::builder().buffers(1024, how.buffer)
}

fn serve(
    streams: Vec<net::TcpStream>,
    builder: Builder,
    echo: impl AsyncFn(TcpStream) -> io::Result<()>,
) -> io::Result<()> {
    builder.build()?.block_on(nursery(async |n| {
        for stream in streams {
            let stream = TcpStream::from_std(stream)?;
            n.spawn(echo(stream));
        }
        Ok(())
    }))
}

async fn own(stream: TcpStream, how: How) -> io::Result<()> {
    let mut buffer = vec![0; how.buffer];
    loop {
        let (result, received) = stream.read(buffer).await;
        let length = result?;
        if length == 0 {
            return Ok(());
        }
        spin(how.slow);
        let (result, sent) = stream.write_all(received.slice(..length)).await;
        result?;
        buffer = sent.into_inner();
    }
}
