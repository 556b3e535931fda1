//! The proxy: two tasks a pair, one for each direction.

use super::echo::stream;
use crate::process::How;
use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use glommio::spawn_local;
use std::io;
use std::net::TcpStream;

pub(super) fn serve(pairs: Vec<(TcpStream, TcpStream)>, how: How) -> io::Result<()> {
    super::executor().run(async {
        let mut tasks = Vec::new();
        for (client, upstream) in pairs {
            let (from_client, to_client) = stream(client).split();
            let (from_upstream, to_upstream) = stream(upstream).split();
            tasks.push(spawn_local(relay(from_client, to_upstream, how.buffer)));
            tasks.push(spawn_local(relay(from_upstream, to_client, how.buffer)));
        }
        for task in tasks {
            task.await?;
        }
        Ok(())
    })
}

async fn relay(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    buffer: usize,
) -> io::Result<()> {
    let mut buffer = vec![0; buffer];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.close().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}
