//! The proxy: one task a pair.

use super::echo::stream;
use crate::process::How;
use std::io;
use std::net::TcpStream;
use tokio::io::copy_bidirectional_with_sizes;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub(super) fn serve(
    runtime: &Runtime,
    pairs: Vec<(TcpStream, TcpStream)>,
    how: How,
) -> io::Result<()> {
    let size = how.buffer;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for (client, upstream) in pairs {
            let (mut client, mut upstream) = (stream(client)?, stream(upstream)?);
            tasks.spawn(async move {
                copy_bidirectional_with_sizes(&mut client, &mut upstream, size, size).await
            });
        }
        while let Some(joined) = tasks.join_next().await {
            joined.map_err(io::Error::other)??;
        }
        Ok(())
    })
}
