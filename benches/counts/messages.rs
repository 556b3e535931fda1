//! What an echo server does for a message of 64 bytes, without what its clients do.
//!
//! The clients are blocking sockets of the same thread: it writes to all of them, lets the server
//! answer, and reads. What that costs is counted as well, and is small: two system calls, a loop.

use crate::counting::allocations;
use nestling::buf::IoBuf;
use nestling::net::TcpStream;
use nestling::sync::Notify;
use nestling::{Runtime, nursery};
use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

pub(super) const LENGTH: usize = 64;
/// As a server has it.
const BUFFER: usize = 4096;

/// What was counted by the process itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) allocations: u64,
    /// Calls by which the server entered the kernel.
    pub(super) enters: u64,
}

/// How many messages of a round are still to be answered.
#[derive(Default)]
pub(super) struct Round {
    left: Cell<usize>,
    over: Notify,
}

impl Round {
    pub(super) fn begin(&self, messages: usize) {
        self.left.set(messages);
    }

    pub(super) fn answer(&self) {
        self.left.set(self.left.get() - 1);
        if self.left.get() == 0 {
            self.over.notify_one();
        }
    }

    pub(super) async fn over(&self) {
        self.over.notified().await;
    }
}

async fn echo(stream: TcpStream, round: &Round) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        let (received, filled) = stream.read(buffer).await;
        let received = received?;
        if received == 0 {
            return Ok(());
        }
        let (sent, slice) = stream.write_all(filled.slice(..received)).await;
        sent?;
        round.answer();
        buffer = slice.into_inner();
    }
}

/// The same with buffers of the core's pool.
async fn echo_leases(stream: TcpStream, round: &Round) -> io::Result<()> {
    loop {
        let lease = stream.recv().await?;
        if lease.is_empty() {
            return Ok(());
        }
        stream.write_all(lease).await.0?;
        round.answer();
    }
}

/// The same, for which the kernel is asked once.
async fn echo_stream(stream: TcpStream, round: &Round) -> io::Result<()> {
    let mut leases = stream.recv_stream();
    loop {
        let lease = leases.next().await?;
        if lease.is_empty() {
            return Ok(());
        }
        stream.write_all(lease).await.0?;
        round.answer();
    }
}

/// How a server has its bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    /// In a buffer of its own for each connection.
    Read,
    /// In leases of the core's pool, one by one.
    Recv,
    /// In leases that come one after the other.
    Stream,
}

/// A message to each connection, and the answers.
async fn talk(peers: &mut [UnixStream], round: &Round) -> io::Result<()> {
    round.begin(peers.len());
    let mut message = [7; LENGTH];
    for peer in &mut *peers {
        peer.write_all(&message)?;
    }
    round.over().await;
    peers.iter_mut().try_for_each(|peer| peer.read_exact(&mut message))
}

/// So many messages, over so many connections that take turns.
pub(super) fn echoes(way: Way, connections: usize, messages: u64) -> Counted {
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let before = (allocations(), runtime.stats().enters);
    let round = Round::default();
    let result = runtime.block_on(async {
        // TCP or not is the same to the process.
        let pairs = (0..connections).map(|_| UnixStream::pair()).collect::<io::Result<Vec<_>>>()?;
        let (ours, mut peers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        nursery(async |n| {
            for socket in ours {
                let stream = TcpStream::from_std(net::TcpStream::from(OwnedFd::from(socket)))?;
                match way {
                    Way::Read => drop(n.spawn(echo(stream, &round))),
                    Way::Recv => drop(n.spawn(echo_leases(stream, &round))),
                    Way::Stream => drop(n.spawn(echo_stream(stream, &round))),
                }
            }
            for _ in 0..messages / connections as u64 {
                talk(&mut peers, &round).await?;
            }
            // The server sees the end of each.
            drop(peers);
            Ok::<_, io::Error>(())
        })
        .await
    });
    result.expect("nothing fails");
    let after = (allocations(), runtime.stats().enters);
    Counted { allocations: after.0 - before.0, enters: after.1 - before.1 }
}
