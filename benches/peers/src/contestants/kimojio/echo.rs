//! The echo server: one task a connection.

use crate::process::How;
use kimojio::operations::spawn_task;
use kimojio::{AsyncStreamRead, AsyncStreamWrite, Errno, OwnedFdStream};
use std::io;
use std::net::TcpStream;

pub(super) fn serve(streams: Vec<TcpStream>, how: How) -> io::Result<()> {
    super::run(async move {
        let spawn = |stream: TcpStream| spawn_task(echo(stream, how.buffer));
        for task in streams.into_iter().map(spawn).collect::<Vec<_>>() {
            let served = task.await.map_err(|_| io::Error::other("a task panicked"))?;
            served.map_err(io::Error::from)?;
        }
        Ok(())
    })
}

async fn echo(stream: TcpStream, buffer: usize) -> Result<(), Errno> {
    let mut stream = OwnedFdStream::new(stream.into());
    let mut buffer = vec![0; buffer];
    loop {
        let length = stream.try_read(&mut buffer, None).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write(&buffer[..length], None).await?;
    }
}
