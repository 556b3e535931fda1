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
mod receives;

use bare::Bare;
use criterion::{BenchmarkId, Criterion, SamplingMode};
use io_uring::{opcode, squeue, types};
use nestling::Runtime;
use receives::{LENGTH, Sockets, cancel, descriptors};
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicU8;
use std::time::{Duration, Instant};

const COUNTS: [usize; 3] = [1, 100, 9_900];

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
    let sockets = Sockets::new(most.min(descriptors() / 2));
    println!("{} socket pairs", sockets.len());
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let mut ring = bare::ring();
    let mut ring = Bare::new(&mut ring);
    let mut group = criterion.benchmark_group("cancel");
    // Arming takes longer than cancelling, and is not in what criterion gets to see.
    group.sampling_mode(SamplingMode::Flat);
    for count in COUNTS {
        group.bench_function(BenchmarkId::new("nestling", count), |bencher| {
            bencher.iter_custom(|times| {
                let runs = (0..times).map(|_| cancel(&mut runtime, &sockets, count));
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
