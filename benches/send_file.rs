//! Files to a socket: through a buffer, and through a pipe.
//!
//! ```text
//! cargo bench --bench send_file
//! ```
//!
//! From the page cache to a client on this machine, which throws away what it gets. What counts is
//! the CPU time of all threads but the client's. Rounds of all ways alternate; a ratio is the
//! median of those within a round.

use nestling::fs::{File, TempDir};
use nestling::io::send_file;
use nestling::net::{TcpListener, TcpStream};
use nestling::{Runtime, buf::IoBuf};
use nix::time::{ClockId, clock_gettime};
use socket2::SockRef;
use std::io;
use std::mem::MaybeUninit;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

const ROUNDS: usize = 9;
/// What is sent in a round, in bytes, unless one file is more.
const SUM: u64 = 8 << 20;
/// Lengths of files.
const SIZES: [u64; 7] = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20];

/// How it is sent.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// Through a buffer of so many KiB.
    Buffer(u64),
    SendFile,
}

const WAYS: [Way; 3] = [Way::Buffer(256), Way::Buffer(64), Way::SendFile];

async fn through_a_buffer(file: &File, size: u64, to: &TcpStream, kib: u64) -> io::Result<()> {
    let (mut at, mut buffer) = (0, Vec::with_capacity(size.min(kib << 10) as usize));
    while at < size {
        let length = (size - at).min(kib << 10) as usize;
        buffer.clear();
        let (result, part) = file.read_at(buffer.slice(..length), at).await;
        at += result? as u64;
        let result;
        (result, buffer) = to.write_all(part.into_inner()).await;
        result?;
    }
    Ok(())
}

async fn send(file: &File, size: u64, to: &TcpStream, way: Way) -> io::Result<()> {
    match way {
        Way::Buffer(kib) => through_a_buffer(file, size, to, kib).await,
        Way::SendFile => {
            assert_eq!(send_file(file, 0..size, &mut &*to).await?, size);
            Ok(())
        }
    }
}

fn used(clock: ClockId) -> Duration {
    clock_gettime(clock).expect("a clock that runs").into()
}

/// Throws away what comes, and says after each `sum` what CPU time that has taken.
fn client(stream: std::net::TcpStream, sum: u64) -> Receiver<Duration> {
    let (say, said) = channel();
    thread::spawn(move || {
        let mut space = vec![MaybeUninit::uninit(); 1 << 20];
        let mut left = sum;
        loop {
            let room = left.min(1 << 20) as usize;
            let came = SockRef::from(&stream).recv_with_flags(&mut space[..room], libc::MSG_TRUNC);
            match came.expect("the server sends") as u64 {
                0 => return,
                came => left -= came,
            }
            if left == 0 {
                left = sum;
                let _ = say.send(used(ClockId::CLOCK_THREAD_CPUTIME_ID));
            }
        }
    });
    said
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

async fn measure(folder: &TempDir, size: u64) -> io::Result<()> {
    let path = folder.path().join(size.to_string());
    nestling::fs::write(&path, vec![7; size as usize]).await?;
    let file = File::open(&path).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let sum = SUM.max(size);
    let said = client(std::net::TcpStream::connect(listener.local_addr()?)?, sum);
    let (stream, _) = listener.accept().await?;
    let mut figures = [const { Vec::new() }; WAYS.len()];
    let (mut process, mut other) = (used(ClockId::CLOCK_PROCESS_CPUTIME_ID), Duration::ZERO);
    // The first round warms up.
    for number in 0..=ROUNDS {
        for (way, figures) in WAYS.iter().zip(&mut figures) {
            for _ in 0..sum / size {
                send(&file, size, &stream, *way).await?;
            }
            let client = said.recv().expect("the client goes on");
            let now = used(ClockId::CLOCK_PROCESS_CPUTIME_ID);
            let spent = (now - process).saturating_sub(client - other);
            (process, other) = (now, client);
            figures.extend((number > 0).then_some(spent.as_secs_f64() * 1e6 / (sum / size) as f64));
        }
    }
    println!("{} KiB, {ROUNDS} rounds", size >> 10);
    for (way, each) in WAYS.iter().zip(&figures) {
        let ratios = each.iter().zip(&figures[0]).map(|(this, first)| this / first);
        let (ratio, time) = (median(ratios.collect()), median(each.clone()));
        println!("{:12} {time:9.1} us {ratio:8.3}", format!("{way:?}"));
    }
    Ok(())
}

fn main() -> io::Result<()> {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("only `cargo bench` measures");
        return Ok(());
    }
    Runtime::builder().build()?.block_on(async {
        let folder = TempDir::new().await?;
        for size in SIZES {
            measure(&folder, size).await?;
        }
        folder.close().await
    })
}
