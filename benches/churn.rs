//! Connections that come and go, for minutes or hours: does the program grow?
//!
//! ```text
//! cargo bench --bench churn -- --seconds 3600 --every 60 --clients 64
//! ```
//!
//! One core is server and clients at once: each client connects, has one message echoed, and
//! closes, over and over; a client in a hundred breaks off in the middle. A line says what the
//! process has resident, and what it has allocated and not freed: a leak shows in both, a
//! fragmented heap in the first alone. The end says how fast each has grown in the second half.

#[path = "peers/arguments.rs"]
mod arguments;
#[path = "../tests/support/counting.rs"]
mod counting;

use arguments::option;
use counting::held;
use nestling::net::{TcpListener, TcpStream};
use nestling::time::{Instant, interval};
use nestling::{nursery, task, timeout};
use std::cell::Cell;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

const MESSAGE: usize = 64;

/// A moment of the process.
#[derive(Debug, Clone, Copy)]
struct Sample {
    seconds: f64,
    resident: f64,
    held: f64,
}

/// What the process has in memory, in bytes.
fn resident() -> f64 {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok());
    pages.expect("the second is a number of pages") * 4096.0
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; MESSAGE];
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

async fn serve(listener: &TcpListener) -> io::Result<()> {
    nursery(async |n| {
        loop {
            let (stream, _) = listener.accept().await?;
            // A peer that resets the connection is no failure of the server.
            n.spawn(async { echo(stream).await.or(Ok::<_, io::Error>(())) });
        }
    })
    .await
}

/// One connection; one that breaks off has asked for an answer that it does not wait for.
async fn visit(address: SocketAddr, breaks_off: bool) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    // Without a TIME_WAIT, of which the machine has 28,000 for one address.
    stream.set_linger(Some(Duration::ZERO))?;
    let (sent, buffer) = stream.write_all(vec![7; MESSAGE]).await;
    sent?;
    if breaks_off {
        let _ = timeout(Duration::ZERO, stream.read(buffer)).await;
        return Ok(());
    }
    stream.read_exact(buffer).await.0?;
    Ok(())
}

/// Looks at the process now and then.
async fn watch(visits: &Cell<u64>, seconds: u64, every: u64) -> Vec<Sample> {
    let start = Instant::now();
    let mut samples = Vec::with_capacity((seconds / every) as usize + 1);
    let mut ticks = interval(Duration::from_secs(every));
    ticks.tick().await;
    while start.elapsed() < Duration::from_secs(seconds) {
        ticks.tick().await;
        let seconds = start.elapsed().as_secs_f64();
        let sample = Sample { seconds, resident: resident(), held: held() as f64 };
        println!(
            "{seconds:7.0} s {:12} connections {:10.0} KiB resident {:10.1} KiB held",
            visits.get(),
            sample.resident / 1024.0,
            sample.held / 1024.0
        );
        samples.push(sample);
    }
    samples
}

/// The slope of the line through the samples, in bytes an hour (least squares).
fn slope(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: &dyn Fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(&|sample| sample.seconds), mean(&of));
    let covariance = mean(&|sample| (sample.seconds - x) * (of(sample) - y));
    covariance / mean(&|sample| (sample.seconds - x).powi(2)) * 3600.0
}

fn main() {
    let Some(seconds) = option("--seconds", 300) else { return };
    let Some(every) = option("--every", 10) else { return };
    let Some(clients) = option("--clients", 64) else { return };
    let visits = &Cell::new(0_u64);
    let samples = nestling::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        nursery(async |n| {
            n.spawn_daemon(serve(&listener));
            for _ in 0..clients {
                n.spawn_daemon(async {
                    loop {
                        visit(address, visits.get().is_multiple_of(100)).await?;
                        visits.set(visits.get() + 1);
                        task::yield_now().await;
                    }
                    #[expect(unreachable_code, reason = "says what fails")]
                    Ok::<(), io::Error>(())
                });
            }
            Ok::<_, io::Error>(watch(visits, seconds, every).await)
        })
        .await
    });
    let samples = samples.expect("the loopback works");
    let half = &samples[samples.len() / 2..];
    println!(
        "second half: {:+.1} KiB resident, {:+.1} KiB held, an hour",
        slope(half, |sample| sample.resident) / 1024.0,
        slope(half, |sample| sample.held) / 1024.0
    );
}
