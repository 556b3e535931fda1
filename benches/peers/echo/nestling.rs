//! The echo server on Nestling: one child a connection.

use nestling::buf::IoBuf;
use nestling::net::TcpStream;
use nestling::{Builder, Runtime, nursery};
use std::io;
use std::net::TcpListener;

/// Serves so many connections to their end. Returns how often the kernel was entered.
pub(crate) fn serve(
    listener: TcpListener,
    connections: usize,
    buffer: usize,
    options: fn(Builder) -> Builder,
) -> u64 {
    let mut runtime = options(Runtime::builder()).build().expect("a runtime");
    let result: io::Result<()> = runtime.block_on(async {
        let listener = nestling::net::TcpListener::from_std(listener)?;
        nursery(async |n| {
            for _ in 0..connections {
                let (stream, _) = listener.accept().await?;
                n.spawn(echo(stream, buffer));
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
