//! What a flood does to others: the latency of 100 connections that exchange small messages, with
//! and without one beside them that sends as fast as it can.
//!
//! ```text
//! cargo bench --bench flood
//! ```
//!
//! All are served by one core, with leases of its one pool; the flood's connection by a stream of
//! receives whose task takes what comes and drops it. The pingers are on a thread of their own.
//!
//! The 99th percentile is to stay under 5 ms. Linux 6.18, two virtual processors that other
//! programs kept busy (load 13), so server and pingers were given real-time priority from outside
//! (`chrt -f`), and the flood's sender was not; two runs, of two pairs each, in ms:
//!
//! | flood | p99 | p99.9 | flood, MB/s |
//! |---|---|---|---|
//! | without | 0.94, 3.10, 1.10, 0.64 | 3.19, 3.90, 2.10, 0.85 | |
//! | with | 4.40, 1.67, 0.90, 0.60 | 5.96, 21.57, 1.39, 1.01 | 720, 1331, 899, 1408 |
//!
//! Without priorities, beside that load, it was from 31 to 99 ms, with a flood and without: three
//! threads on two busy processors wait for a processor, whatever the server does.

use nestling::net::TcpStream;
use nestling::{Runtime, io::nursery};
use std::io::{self, Read, Write};
use std::net;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

const PINGERS: usize = 100;

/// Each pinger sends one message at a time, at this distance in time from the last.
const ROUND: Duration = Duration::from_millis(5);

const ROUNDS: usize = 600;

/// Of rounds that are not counted: connections and pools warm up.
const FIRST: usize = 50;

/// How a connection is served.
async fn serve(stream: TcpStream, is_flood: bool) -> io::Result<()> {
    if !is_flood {
        loop {
            let lease = stream.recv().await?;
            if lease.is_empty() {
                return Ok(());
            }
            stream.write_all(lease).await.0?;
        }
    }
    let mut leases = stream.recv_stream();
    while !leases.next().await?.is_empty() {}
    Ok(())
}

fn pair(listener: &net::TcpListener) -> io::Result<(net::TcpStream, net::TcpStream)> {
    let client = net::TcpStream::connect(listener.local_addr()?)?;
    client.set_nodelay(true)?;
    Ok((listener.accept()?.0, client))
}

/// Serves all connections to their end.
fn serve_all(pingers: Vec<net::TcpStream>, flooded: net::TcpStream) -> io::Result<()> {
    let all = pingers.into_iter().map(|server| (server, false)).chain([(flooded, true)]);
    Runtime::builder().build()?.block_on(nursery(async |n| {
        for (stream, is_flood) in all {
            n.spawn(serve(TcpStream::from_std(stream)?, is_flood));
        }
        Ok(())
    }))
}

/// Sends as fast as it can, until it is over; tells how many bytes that were.
fn flood(mut stream: net::TcpStream, is_over: &AtomicBool) -> io::Result<u64> {
    let bytes = vec![7; 64 * 1024];
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        sent += stream.write(&bytes)? as u64;
    }
    Ok(sent)
}

/// The latencies of all pings that count; the pingers are closed.
fn ping(mut pingers: Vec<net::TcpStream>) -> io::Result<Vec<Duration>> {
    let mut buffer = [7; 64];
    let mut latencies = Vec::with_capacity(ROUNDS * PINGERS);
    for round in 0..FIRST + ROUNDS {
        let next = Instant::now() + ROUND;
        let starts = pingers.iter_mut().map(|pinger| {
            let start = Instant::now();
            pinger.write_all(&buffer).map(|()| start)
        });
        let starts = starts.collect::<io::Result<Vec<_>>>()?;
        for (pinger, start) in pingers.iter_mut().zip(starts) {
            pinger.read_exact(&mut buffer)?;
            if round >= FIRST {
                latencies.push(start.elapsed());
            }
        }
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(latencies)
}

/// The latencies of all pings, in order, and bytes of the flood in a second.
fn measure(with_flood: bool) -> io::Result<(Vec<Duration>, f64)> {
    let listener = net::TcpListener::bind("127.0.0.1:0")?;
    let pairs = (0..PINGERS).map(|_| pair(&listener)).collect::<io::Result<Vec<_>>>()?;
    let (servers, pingers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let (flooded, flooding) = pair(&listener)?;
    let is_over = AtomicBool::new(!with_flood);
    let begun = Instant::now();
    let (served, flooded, pinged) = thread::scope(|scope| {
        let serving = scope.spawn(|| serve_all(servers, flooded));
        let flooding = scope.spawn(|| flood(flooding, &is_over));
        let pinged = ping(pingers);
        // Whatever has come of it: without clients the server ends, too.
        is_over.store(true, Ordering::Relaxed);
        (joined(serving), joined(flooding), pinged)
    });
    // If several have failed, the server was first.
    served?;
    let (sent, mut latencies) = (flooded?, pinged?);
    latencies.sort_unstable();
    Ok((latencies, sent as f64 / begun.elapsed().as_secs_f64()))
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}

fn main() -> io::Result<()> {
    println!("{PINGERS} pingers of 64 bytes on one core, with and without a flood beside them\n");
    println!("{:>7} {:>10} {:>10} {:>10} {:>10}", "flood", "p50", "p99", "p99.9", "flood MB/s");
    for with_flood in [false, true, false, true] {
        let (latencies, rate) = measure(with_flood)?;
        let at = |share: f64| latencies[(latencies.len() as f64 * share) as usize].as_secs_f64();
        print!("{:>7}", if with_flood { "with" } else { "without" });
        for share in [0.5, 0.99, 0.999] {
            print!(" {:>7.2} ms", at(share) * 1e3);
        }
        println!(" {:>10.0}", rate / 1e6);
    }
    Ok(())
}
