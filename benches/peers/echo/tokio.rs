//! The echo server on Tokio: its current-thread runtime, one task a connection.

use std::io;
use std::net::TcpListener;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Serves so many connections to their end.
pub(crate) fn serve(listener: TcpListener, connections: usize, buffer: usize) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    let result: io::Result<()> = runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let (stream, _) = listener.accept().await?;
            tasks.spawn(echo(stream, buffer));
        }
        while let Some(joined) = tasks.join_next().await {
            joined.expect("no task panics")?;
        }
        Ok(())
    });
    result.expect("nothing fails");
}

async fn echo(mut stream: TcpStream, buffer: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; buffer];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}
