//! The proxy: one task a pair.

use crate::process::How;
use compio::io::util::copy_bidirectional_with_sizes;
use compio::net::TcpStream;
use std::io;
use std::net;

pub(super) fn serve(pairs: Vec<(net::TcpStream, net::TcpStream)>, how: How) -> io::Result<()> {
    let size = how.buffer;
    super::runtime().block_on(async {
        let mut tasks = Vec::new();
        for (client, upstream) in pairs {
            let (client, upstream) = (TcpStream::from_std(client)?, TcpStream::from_std(upstream)?);
            let relay = copy_bidirectional_with_sizes(client, upstream, size, size);
            tasks.push(compio::runtime::spawn(relay));
        }
        for task in tasks {
            let (there, back) = task.await.map_err(|_| io::Error::other("a task panicked"))?;
            there.and(back)?;
        }
        Ok(())
    })
}
