//! The proxy: one child a pair.

use crate::process::How;
use nestling::io::{CopyOptions, copy_bidirectional_with};
use nestling::net::TcpStream;
use nestling::nursery;
use std::io;
use std::net;

pub(super) fn serve(pairs: Vec<(net::TcpStream, net::TcpStream)>, how: How) -> io::Result<()> {
    let how = CopyOptions { buffer: how.buffer, ..CopyOptions::default() };
    super::runtime().block_on(nursery(async |n| {
        for (client, upstream) in pairs {
            let (client, upstream) = (TcpStream::from_std(client)?, TcpStream::from_std(upstream)?);
            n.spawn(async move {
                copy_bidirectional_with(how, &client, &upstream).await?;
                Ok::<_, io::Error>(())
            });
        }
        Ok(())
    }))
}
