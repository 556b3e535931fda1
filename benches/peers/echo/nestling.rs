//! The echo server on Nestling: one child a connection.

use nestling::buf::IoBuf;
use nestling::net::TcpStream;
use nestling::{Builder, Runtime, nursery};
use std::io;
use std::net::TcpListener;

/// How a server has its bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// A buffer of its own for each connection.
    Read,
    /// Leases of the core's pool, one by one.
    Recv,
    /// The same, for which the kernel is asked once.
    Stream,
}

/// Serves so many connections to their end. Returns how often the kernel was entered.
pub(crate) fn serve(
    listener: TcpListener,
    connections: usize,
    buffer: usize,
    way: Way,
    options: fn(Builder) -> Builder,
) -> u64 {
    // As many as the default pool has, of the size that the others have.
    let builder = Runtime::builder().buffers(1024, buffer);
    let mut runtime = options(builder).build().expect("a runtime");
    let result: io::Result<()> = runtime.block_on(async {
        let listener = nestling::net::TcpListener::from_std(listener)?;
        nursery(async |n| {
            for _ in 0..connections {
                let (stream, _) = listener.accept().await?;
                match way {
                    Way::Read => drop(n.spawn(echo(stream, buffer))),
                    Way::Recv => drop(n.spawn(echo_leases(stream))),
                    Way::Stream => drop(n.spawn(echo_stream(stream))),
                }
            }
            Ok(())
        })
        .await
    });
    result.expect("nothing fails");
    runtime.stats().enters
}

async fn echo(stream: TcpStream, buffer: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
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

async fn echo_leases(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let lease = stream.recv().await?;
        if lease.is_empty() {
            return Ok(());
        }
        stream.write_all(lease).await.0?;
    }
}

async fn echo_stream(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut leases = stream.recv_stream();
    loop {
        let lease = leases.next().await?;
        if lease.is_empty() {
            return Ok(());
        }
        stream.write_all(lease).await.0?;
    }
}
