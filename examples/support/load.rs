//! The load: clients that send a message, wait for its echo, compare it, and send the next.
//!
//! They run on a core of their own, with the same runtime as the server: a thread for each client
//! would measure how the kernel switches between threads.

use crate::event::Event;
use crate::latency::Latencies;
use crate::say;
use nestling::buf::IoBuf;
use nestling::net::TcpStream;
use nestling::time::{Instant, sleep_until};
use nestling::{Runtime, io::nursery, timeout_at};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes in a message.
pub(crate) const MESSAGE: usize = 128;

/// How long connecting may take, and how long the last echo may be late. The demonstration ends,
/// whatever the server does.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the clients have measured, all together.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) latencies: Latencies,
    pub(crate) elapsed: Duration,
}

/// Loads the server at `address` from this thread, once it is ready.
///
/// # Errors
///
/// A connection broke, or an echo came late or wrong.
pub(crate) fn run(
    address: SocketAddr,
    connections: usize,
    duration: Duration,
    ready: &Event,
) -> io::Result<Measured> {
    Runtime::builder().build()?.block_on(async {
        ready.raised().await;
        let streams = timeout_at(Instant::now() + PATIENCE, connect(address, connections));
        let streams = streams.await??;
        let latencies = RefCell::new(Latencies::new());
        let start = Instant::now();
        let end = start + duration;
        let clients = nursery(async |clients| {
            for (number, stream) in (0..).zip(&streams) {
                clients.spawn(client(number, stream, end, &latencies));
            }
            show_progress(start, duration, &latencies).await;
            Ok(())
        });
        timeout_at(end + PATIENCE, clients).await??;
        Ok(Measured { latencies: latencies.into_inner(), elapsed: start.elapsed() })
    })
}

async fn connect(address: SocketAddr, connections: usize) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    Ok(streams)
}

/// One client. No two messages are the same, so an echo of another, or of an older one, is noticed.
async fn client(
    number: u64,
    stream: &TcpStream,
    end: Instant,
    latencies: &RefCell<Latencies>,
) -> io::Result<()> {
    let mut message = vec![0; MESSAGE];
    let mut echo = vec![0; MESSAGE];
    let mut start = Instant::now();
    for round in 0_u64.. {
        message[..8].copy_from_slice(&number.to_le_bytes());
        message[8..16].copy_from_slice(&round.to_le_bytes());
        let (sent, message_back) = stream.write_all(message).await;
        sent?;
        message = message_back;
        let (received, slice) = stream.read_exact(echo.slice(..MESSAGE)).await;
        received?;
        echo = slice.into_inner();
        if echo != message {
            return Err(io::Error::other(format!(
                "connection {number}: the echo of message {round} is wrong"
            )));
        }
        let now = Instant::now();
        latencies.borrow_mut().add(now - start);
        if now >= end {
            break;
        }
        start = now;
    }
    Ok(())
}

/// Prints after every second how many echoes have come in it.
async fn show_progress(start: Instant, duration: Duration, latencies: &RefCell<Latencies>) {
    let mut before = 0;
    for second in 1..=duration.as_secs() {
        sleep_until(start + Duration::from_secs(second)).await;
        let count = latencies.borrow().count();
        say(format_args!("  {second:>3} s {:>9} messages", count - before));
        before = count;
    }
}
