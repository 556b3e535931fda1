//! What an idle echo connection has in memory: bytes that the process has allocated for it.
//!
//! ```text
//! cargo bench --bench connection
//! ```
//!
//! Counted by the allocator, with almost a power of two of connections, so that tables which double
//! are full; the buffer is counted by itself. What the kernel has is not in it.

#[path = "peers/arguments.rs"]
mod arguments;
#[path = "../tests/support/counting.rs"]
mod counting;

use arguments::option;
use counting::held;
use nestling::net::TcpStream;
use nestling::{nursery, task};
use std::future::Future;
use std::io::{self, Write};
use std::net;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// What else is in a table: the scopes of the nursery, of its body and of the root, and more.
const OTHERS: usize = 8;

/// As many begin at a time: requests on their way to the kernel are not the connections'.
const BATCH: usize = 8;

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

/// The same with buffers of the core's pool, of which one that waits has none.
async fn echo_leases(stream: TcpStream) -> io::Result<()> {
    loop {
        let lease = stream.recv().await?;
        if lease.is_empty() {
            return Ok(());
        }
        stream.write_all(lease).await.0?;
    }
}

/// A connected socket; TCP or not is the same to the process.
fn socket() -> io::Result<(net::TcpStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    Ok((net::TcpStream::from(OwnedFd::from(ours)), theirs))
}

/// Bytes for each of so many connections that wait.
fn measure<F: Future<Output = io::Result<()>>>(
    connections: usize,
    echo: impl Fn(TcpStream) -> F,
) -> io::Result<f64> {
    let (ours, theirs): (Vec<_>, Vec<_>) =
        (0..connections).map(|_| socket()).collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
    nestling::block_on(nursery(async |n| {
        // The pool is one for all of them. Nothing stays in flight for it: one operation more, and
        // the table of all of them would be twice as large.
        let (one, mut other) = socket()?;
        other.write_all(b"x")?;
        TcpStream::from_std(one)?.recv().await?;
        let before = held();
        for (number, socket) in ours.into_iter().enumerate() {
            n.spawn(echo(TcpStream::from_std(socket)?));
            if number % BATCH == 0 {
                task::yield_now().await;
            }
        }
        // Until each receive is with the kernel.
        for _ in 0..4 {
            task::yield_now().await;
        }
        let each = (held() - before) as f64 / connections as f64;
        drop(theirs);
        Ok::<_, io::Error>(each)
    }))
}

fn main() -> io::Result<()> {
    let Some(most) = option("--connections", 8192) else { return Ok(()) };
    println!(
        "{:>11} {:>12} {:>15} {:>10}",
        "connections", "bytes each", "without buffer", "leased"
    );
    let mut connections = 64;
    while connections <= most {
        let owned = measure(connections - OTHERS, echo)?;
        let leased = measure(connections - OTHERS, echo_leases)?;
        let bare = owned - BUFFER as f64;
        println!("{connections:>11} {owned:>12.1} {bare:>15.1} {leased:>10.1}");
        connections *= 2;
    }
    Ok(())
}
