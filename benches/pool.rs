//! What the default pool of buffers costs an echo server, by how many buffers it has and how large
//! they are: the processor time of a message, beside that of a bare ring.
//!
//! ```text
//! cargo bench --bench pool [-- CONNECTIONS..]
//! ```
//!
//! Each round measures the bare ring and each pool in turn, with the same load. The bare ring has a
//! buffer for each connection, as small as a message, and never asks which one came: so it is a
//! bound, and what is compared is by how much each pool misses it.

#[allow(dead_code, reason = "the ring alone is used here")]
mod bare;

use io_uring::{opcode, types};
use nestling::net::TcpStream;
use nestling::{Runtime, io::nursery};
use std::env;
use std::io::{self, Read, Write};
use std::net::{self, SocketAddr};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

/// Bytes of a message.
const MESSAGE: usize = 64;

const CONNECTIONS: [usize; 4] = [1, 64, 512, 1_000];

/// Buffers of a pool, and the size of each.
const POOLS: [(usize, usize); 6] =
    [(512, 256), (256, 1024), (1024, 1024), (256, 4096), (1024, 4096), (4096, 4096)];

const ROUNDS: usize = 9;

/// Messages of a round, on all connections together.
const MESSAGES: usize = 40_000;

/// The processor time that this thread has used.
#[expect(unsafe_code, reason = "no crate that is used here has this clock")]
fn used() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is live, and written by the call.
    let got = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(got, 0, "each thread has such a clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The server's ends of so many connections, and the client's.
fn connect(count: usize) -> io::Result<(Vec<net::TcpStream>, Vec<net::TcpStream>)> {
    let listener = net::TcpListener::bind("127.0.0.1:0")?;
    let address: SocketAddr = listener.local_addr()?;
    let pair = |_| {
        let client = net::TcpStream::connect(address)?;
        client.set_nodelay(true)?;
        let (server, _) = listener.accept()?;
        server.set_nodelay(true)?;
        Ok((server, client))
    };
    (0..count).map(pair).collect::<io::Result<Vec<_>>>().map(|pairs| pairs.into_iter().unzip())
}

/// Processor time of the server for each message.
fn measure(
    connections: usize,
    serve: impl FnOnce(Vec<net::TcpStream>) -> io::Result<()> + Send,
) -> io::Result<f64> {
    let (servers, mut clients) = connect(connections)?;
    let exchanges = MESSAGES / connections;
    thread::scope(|scope| {
        let server = scope.spawn(move || -> io::Result<Duration> {
            let before = used();
            serve(servers)?;
            Ok(used() - before)
        });
        let mut buffer = [7; MESSAGE];
        for _ in 0..exchanges {
            for client in &mut clients {
                client.write_all(&buffer)?;
            }
            for client in &mut clients {
                client.read_exact(&mut buffer)?;
            }
        }
        drop(clients);
        let used = server.join().expect("it does not panic")?;
        Ok(used.as_secs_f64() / (exchanges * connections) as f64)
    })
}

fn pool((count, size): (usize, usize), streams: Vec<net::TcpStream>) -> io::Result<()> {
    Runtime::builder().buffers(count, size).build()?.block_on(nursery(async |n| {
        for stream in streams {
            let stream = TcpStream::from_std(stream)?;
            n.spawn(async move {
                loop {
                    let lease = stream.recv().await?;
                    if lease.is_empty() {
                        return Ok(());
                    }
                    stream.write_all(lease).await.0?;
                }
            });
        }
        Ok(())
    }))
}

#[expect(unsafe_code, reason = "pushing entries is a promise about what they point to")]
fn bare(streams: Vec<net::TcpStream>) -> io::Result<()> {
    /// Of an entry that sends; the others receive.
    const SENDS: u64 = 1 << 32;
    let mut memory = vec![[0u8; MESSAGE]; streams.len()];
    let mut ring = bare::ring();
    let mut entries: Vec<_> = (0..streams.len() as u64).map(|at| (at, MESSAGE)).collect();
    let mut open = streams.len();
    while open > 0 {
        for (data, length) in std::mem::take(&mut entries) {
            let at = (data & !SENDS) as usize;
            let (fd, start) = (types::Fd(streams[at].as_raw_fd()), memory[at].as_mut_ptr());
            let entry = match data & SENDS {
                0 => opcode::Recv::new(fd, start, length as u32).ioprio(1).build(),
                _ => opcode::Send::new(fd, start, length as u32).build(),
            };
            let entry = entry.user_data(data);
            // SAFETY: the memory is there to the end, and each part has one entry at a time.
            while unsafe { ring.submission().push(&entry) }.is_err() {
                ring.submit()?;
            }
        }
        ring.submit_and_wait(1)?;
        for answer in ring.completion() {
            let (data, length) = (answer.user_data(), answer.result());
            match (data & SENDS, length) {
                (0, 1..) => entries.push((data | SENDS, length as usize)),
                (0, _) => open -= 1,
                _ => entries.push((data & !SENDS, MESSAGE)),
            }
        }
    }
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> io::Result<()> {
    println!(
        "processor time of a message of {MESSAGE} bytes: of the bare ring, over that of a pool"
    );
    println!("(medians of {ROUNDS} rounds)\n");
    print!("{:>11} {:>9}", "connections", "bare, ns");
    for (count, size) in POOLS {
        print!(" {:>10}", format!("{count} x {size}"));
    }
    println!();
    let named: Vec<usize> = env::args().filter_map(|argument| argument.parse().ok()).collect();
    for connections in if named.is_empty() { CONNECTIONS.to_vec() } else { named } {
        let (mut bound, mut ratios) = (Vec::new(), vec![Vec::new(); POOLS.len()]);
        for _ in 0..ROUNDS {
            for (options, ratios) in POOLS.into_iter().zip(&mut ratios) {
                let bare = measure(connections, bare)?;
                bound.push(bare * 1e9);
                ratios.push(bare / measure(connections, |streams| pool(options, streams))?);
            }
        }
        print!("{connections:>11} {:>9.0}", median(bound));
        ratios.into_iter().for_each(|ratios| print!(" {:>10.3}", median(ratios)));
        println!();
    }
    Ok(())
}
