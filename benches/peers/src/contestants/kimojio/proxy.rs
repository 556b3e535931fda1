//! The proxy: two tasks a pair, one for each direction.

use crate::process::How;
use kimojio::operations::spawn_task;
use kimojio::{AsyncStreamRead, AsyncStreamWrite, Errno, OwnedFdStream, SplittableStream};
use std::io;
use std::net::TcpStream;

pub(super) fn serve(pairs: Vec<(TcpStream, TcpStream)>, how: How) -> io::Result<()> {
    super::run(async move {
        let mut tasks = Vec::new();
        for (client, upstream) in pairs {
            let (client, upstream) =
                (OwnedFdStream::new(client.into()), OwnedFdStream::new(upstream.into()));
            let (from_client, to_client) = client.split().await.map_err(io::Error::from)?;
            let (from_upstream, to_upstream) = upstream.split().await.map_err(io::Error::from)?;
            tasks.push(spawn_task(relay(from_client, to_upstream, how.buffer)));
            tasks.push(spawn_task(relay(from_upstream, to_client, how.buffer)));
        }
        for task in tasks {
            let joined = task.await.map_err(|_| io::Error::other("a task panicked"))?;
            joined.map_err(io::Error::from)?;
        }
        Ok(())
    })
}

async fn relay(
    mut from: impl AsyncStreamRead,
    mut to: impl AsyncStreamWrite,
    buffer: usize,
) -> Result<(), Errno> {
    let mut buffer = vec![0; buffer];
    loop {
        let length = from.try_read(&mut buffer, None).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write(&buffer[..length], None).await?;
    }
}
