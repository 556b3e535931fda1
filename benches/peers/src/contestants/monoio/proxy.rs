//! The proxy: two tasks a pair, one for each direction.

use crate::process::How;
use monoio::io::{AsyncReadRent, AsyncWriteRent, AsyncWriteRentExt, Splitable};
use monoio::net::TcpStream;
use std::io;
use std::net;

pub(super) fn serve(pairs: Vec<(net::TcpStream, net::TcpStream)>, how: How) -> io::Result<()> {
    super::runtime().block_on(async {
        let mut tasks = Vec::new();
        for (client, upstream) in pairs {
            let (from_client, to_client) = TcpStream::from_std(client)?.into_split();
            let (from_upstream, to_upstream) = TcpStream::from_std(upstream)?.into_split();
            tasks.push(monoio::spawn(relay(from_client, to_upstream, how.buffer)));
            tasks.push(monoio::spawn(relay(from_upstream, to_client, how.buffer)));
        }
        for task in tasks {
            task.await?;
        }
        Ok(())
    })
}

async fn relay(
    mut from: impl AsyncReadRent,
    mut to: impl AsyncWriteRent,
    buffer: usize,
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(buffer);
    let mut result;
    loop {
        (result, buffer) = from.read(buffer).await;
        if result? == 0 {
            return to.shutdown().await;
        }
        (result, buffer) = to.write_all(buffer).await;
        result?;
        buffer.clear();
    }
}
