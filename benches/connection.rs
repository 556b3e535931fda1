//! What an idle echo connection has in memory: bytes that the process has allocated for it.
//!
//! ```text
//! cargo bench --bench connection
//! ```
//!
//! Counted by the allocator, in powers of two of connections, so that tables which double are as
//! full as they get; the buffer is counted by itself. What the kernel has is not in it.

#[path = "peers/arguments.rs"]
mod arguments;
#[path = "../tests/support/counting.rs"]
mod counting;

use arguments::option;
use counting::held;
use nestling::net::TcpStream;
use nestling::{nursery, task};
use std::io;
use std::net;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// Bytes of the buffer that each connection has.
const BUFFER: usize = 4096;

async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let (read, filled) = stream.read(buffer).await;
        let length = read?;
        if length == 0 {
            return Ok(());
        }
        let (sent, back) = stream.write_all(filled).await;
        sent?;
        buffer = back;
    }
}

/// A connected socket; TCP or not is the same to the process.
fn socket() -> io::Result<(net::TcpStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    Ok((net::TcpStream::from(OwnedFd::from(ours)), theirs))
}

fn main() -> io::Result<()> {
    let Some(most) = option("--connections", 8192) else { return Ok(()) };
    println!("{:>11} {:>16} {:>16}", "connections", "bytes each", "without buffer");
    let mut connections = 64;
    while connections <= most {
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (0..connections).map(|_| socket()).collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
        let before = held();
        nestling::block_on(nursery(async |n| {
            for socket in ours {
                n.spawn(echo(TcpStream::from_std(socket)?));
            }
            // Until each receive is with the kernel.
            for _ in 0..4 {
                task::yield_now().await;
            }
            let each = (held() - before) as f64 / connections as f64;
            println!("{connections:>11} {each:>16.1} {:>16.1}", each - BUFFER as f64);
            drop(theirs);
            Ok::<_, io::Error>(())
        }))?;
        connections *= 2;
    }
    Ok(())
}
