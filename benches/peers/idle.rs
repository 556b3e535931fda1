//! What an idle server costs: two cores, each with idle connections, asleep.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench idle [-- --seconds 5]
//! ```
//!
//! `switches` are the times that a thread of the process went to sleep: one for each system call
//! that waits. `iowait` is what the kernel counts as waiting for a disk, on all processors.

mod arguments;
mod clock;

use clock::ProcessClock;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

/// Connections on each core.
const CONNECTIONS: usize = 1_000;

fn main() {
    let Some(seconds) = arguments::option("--seconds", 5.0) else { return };
    let watched = thread::spawn(move || watch(Duration::from_secs_f64(seconds)));
    nestling::Runtime::builder()
        .cores(nestling::Cores::Count(2))
        .run(async move |_| {
            let (_clients, servers) = connections();
            nestling::nursery(async |n| {
                for server in servers {
                    let stream = nestling::net::TcpStream::from_std(server)?;
                    n.spawn(async move { stream.read(vec![0; 16]).await.0.map(drop) });
                }
                nestling::time::sleep(Duration::from_secs_f64(seconds + 2.0)).await;
                n.cancel();
                Ok::<_, io::Error>(())
            })
            .await
        })
        .expect("nothing fails");
    watched.join().expect("no panic");
}

/// Pairs of connected sockets.
fn connections() -> (Vec<TcpStream>, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("its address");
    let pair = |_| {
        let client = TcpStream::connect(address).expect("it listens");
        (client, listener.accept().expect("a connection").0)
    };
    (0..CONNECTIONS).map(pair).unzip()
}

/// Watches the process for so long, after a second in which everything starts.
fn watch(duration: Duration) {
    thread::sleep(Duration::from_secs(1));
    let clock = ProcessClock::of(process::id());
    let (cpu, switches, iowait, start) = (clock.now(), switches(), iowait(), Instant::now());
    thread::sleep(duration);
    let share = (clock.now() - cpu).as_secs_f64() / start.elapsed().as_secs_f64();
    println!("{} connections on 2 cores, {:.1} s", 2 * CONNECTIONS, duration.as_secs_f64());
    println!("  CPU       {:.4} % of one processor", share * 100.0);
    // This thread's own sleep is one of them.
    println!("  switches  {}", self::switches() - switches - 1);
    println!("  iowait    {} ticks of 10 ms", self::iowait() - iowait);
}

/// How often threads of this process have gone to sleep.
fn switches() -> u64 {
    let threads = fs::read_dir("/proc/self/task").expect("the threads");
    let status = |thread: io::Result<fs::DirEntry>| {
        let path = thread.expect("a thread").path().join("status");
        fs::read_to_string(path).expect("its status")
    };
    let count = |status: String| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.expect("the line").trim().parse().expect("a number")
    };
    threads.map(status).map(count).sum()
}

/// Ticks that processors were idle and something waited for a disk.
fn iowait() -> u64 {
    let stat = fs::read_to_string("/proc/stat").expect("the counters");
    let all = stat.lines().next().expect("a line");
    all.split_whitespace().nth(5).expect("the fifth").parse().expect("a number")
}
