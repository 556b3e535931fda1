//! A sibling fails with receives in flight: from then until the nursery has returned.
//!
//! ```text
//! cargo bench --bench cancel
//! ```
//!
//! Times are per receive. The bare ring cancels the same receives by their numbers, in batches of
//! a full queue, and waits for every answer. Each receive has a socket pair of its own, unless
//! the limit of descriptors is lower than that needs (9,900 receives: 19,800).

mod bare;

use bare::Bare;
use criterion::{BenchmarkId, Criterion, SamplingMode};
use io_uring::{opcode, squeue, types};
use nestling::{Runtime, net::TcpStream, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::io;
use std::net;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicU8;
use std::time::{Duration, Instant};

const COUNTS: [usize; 3] = [1, 100, 9_900];

/// Bytes that each receive could take, if ever any came.
const LENGTH: usize = 64;

/// Descriptors that are open besides the sockets.
const SPARE: usize = 64;

/// Raises the soft limit of descriptors to the hard one, and tells it.
#[expect(unsafe_code, reason = "no crate that is used here sets limits")]
fn descriptors() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a live rlimit to be written.
    let got = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) };
    assert_eq!(got, 0, "a process may ask for its limits");
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: `limit` is a live rlimit to be read.
    let set = unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    assert_eq!(set, 0, "a process may raise its soft limit");
    limit.rlim_cur as usize
}

/// Connected sockets on which nothing ever arrives; the other ends only have to stay open.
struct Sockets {
    streams: Vec<TcpStream>,
    _peers: Vec<UnixStream>,
}

impl Sockets {
    fn new(count: usize) -> Self {
        let (mut streams, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (ours, theirs) = UnixStream::pair().expect("a socket pair");
            // A receive does not ask which protocol it is.
            let ours = net::TcpStream::from(OwnedFd::from(ours));
            streams.push(TcpStream::from_std(ours).expect("a stream"));
            peers.push(theirs);
        }
        Self { streams, _peers: peers }
    }

    /// One for each of so many receives.
    fn take(&self, count: usize) -> impl Iterator<Item = &TcpStream> {
        self.streams.iter().cycle().take(count)
    }
}

fn nestling(runtime: &mut Runtime, sockets: &Sockets, count: usize) -> Duration {
    let before = runtime.stats().cancelled;
    let failed = Cell::new(None);
    let elapsed = runtime.block_on(async {
        let result: io::Result<()> = nursery(async |n| {
            for stream in sockets.take(count) {
                n.spawn(async { stream.read(vec![0; LENGTH]).await.0.map(drop) });
            }
            n.spawn(async {
                // The kernel takes submissions in order: when this is back, it has the receives.
                nop().await?;
                failed.set(Some(Instant::now()));
                Err::<(), _>(io::Error::from(io::ErrorKind::AddrInUse))
            });
            Ok(())
        })
        .await;
        let elapsed = failed.get().expect("the sibling has failed").elapsed();
        assert_eq!(result.map_err(|error| error.kind()), Err(io::ErrorKind::AddrInUse));
        elapsed
    });
    let cancelled = runtime.stats().cancelled - before;
    assert_eq!(cancelled, count as u64, "every receive was in flight, and was cancelled");
    elapsed
}

fn bare(ring: &mut Bare<'_>, sockets: &Sockets, count: usize) -> Duration {
    const POLL_FIRST: u16 = 1;
    // All share one buffer, because nothing ever arrives.
    static BUFFER: [AtomicU8; LENGTH] = [const { AtomicU8::new(0) }; LENGTH];
    let receives = sockets.take(count).zip(0..).map(|(stream, number)| {
        let socket = types::Fd(stream.as_raw_fd());
        opcode::Recv::new(socket, BUFFER[0].as_ptr(), LENGTH as u32)
            .ioprio(POLL_FIRST)
            .build()
            .user_data(number)
    });
    assert_eq!(ring.exchange(receives, 0), 0);
    let start = Instant::now();
    let cancels = (0..count as u64).map(|number| {
        opcode::AsyncCancel::new(number)
            .build()
            .flags(squeue::Flags::SKIP_SUCCESS)
            .user_data(u64::MAX)
    });
    assert_eq!(ring.exchange(cancels, count), count, "every receive was cancelled");
    start.elapsed()
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .sample_size(20)
        .configure_from_args();
    let most = COUNTS.into_iter().max().expect("there are counts");
    let sockets = Sockets::new(most.min((descriptors() - SPARE) / 2));
    println!("{} socket pairs", sockets.streams.len());
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let mut ring = bare::ring();
    let mut ring = Bare::new(&mut ring);
    let mut group = criterion.benchmark_group("cancel");
    // Arming takes longer than cancelling, and is not in what criterion gets to see.
    group.sampling_mode(SamplingMode::Flat);
    for count in COUNTS {
        group.bench_function(BenchmarkId::new("nestling", count), |bencher| {
            bencher.iter_custom(|times| {
                let runs = (0..times).map(|_| nestling(&mut runtime, &sockets, count));
                runs.sum::<Duration>() / count as u32
            });
        });
        group.bench_function(BenchmarkId::new("bare", count), |bencher| {
            bencher.iter_custom(|times| {
                let runs = (0..times).map(|_| bare(&mut ring, &sockets, count));
                runs.sum::<Duration>() / count as u32
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
