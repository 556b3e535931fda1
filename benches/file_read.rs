//! Reads of 4 KiB from the page cache, at random places of one file, against the bare ring with the
//! same flags and batches.
//!
//! ```text
//! cargo bench --bench file_read
//! ```
//!
//! Times are per read. The depth is how many children read, one after the other, each with one
//! buffer of its own.

mod bare;

use bare::Bare;
use criterion::{BenchmarkId, Criterion, Throughput};
use io_uring::{opcode, types};
use nestling::fs::File;
use nestling::{Runtime, nursery};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const DEPTHS: [u64; 3] = [1, 32, 128];
const SIZE: usize = 4096;
/// Of the file, in pieces of that size: 64 MiB.
const PIECES: u64 = 1 << 14;

/// Where the next read is.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
    (*state >> 40) % PIECES * SIZE as u64
}

/// What `operations` take if `rounds * depth` took `elapsed`.
fn share(elapsed: Duration, operations: u64, rounds: u64, depth: u64) -> Duration {
    elapsed.mul_f64(operations as f64 / (rounds * depth) as f64)
}

fn nestling(runtime: &mut Runtime, file: &fs::File, rounds: u64, depth: u64) -> Duration {
    runtime.block_on(async {
        let file = File::from_std(file.try_clone().expect("a descriptor is left"));
        let file = &file;
        let start = Instant::now();
        let result: io::Result<()> = nursery(async |n| {
            for child in 0..depth {
                n.spawn(async move {
                    let (mut state, mut buffer) = (child, Vec::with_capacity(SIZE));
                    for _ in 0..rounds {
                        let (result, filled) = file.read_at(buffer, next(&mut state)).await;
                        assert_eq!(result?, SIZE);
                        buffer = filled;
                    }
                    Ok(())
                });
            }
            Ok(())
        })
        .await;
        result.expect("the file can be read");
        start.elapsed()
    })
}

fn bare(ring: &mut Bare<'_>, file: &fs::File, rounds: u64, depth: u64) -> Duration {
    let mut buffers = vec![vec![0_u8; SIZE]; depth as usize];
    let mut states: Vec<u64> = (0..depth).collect();
    let fd = types::Fd(file.as_raw_fd());
    let start = Instant::now();
    for _ in 0..rounds {
        let reads = buffers.iter_mut().zip(&mut states).map(|(buffer, state)| {
            opcode::Read::new(fd, buffer.as_mut_ptr(), SIZE as u32).offset(next(state)).build()
        });
        assert_eq!(ring.exchange(reads, depth as usize), 0, "the file can be read");
    }
    start.elapsed()
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let path = std::env::temp_dir().join(format!("nestling-file-read-{}", std::process::id()));
    fs::write(&path, vec![1; PIECES as usize * SIZE]).expect("room for 64 MiB");
    let file = fs::File::open(&path).expect("it was made");
    fs::remove_file(&path).expect("it was made");
    let mut group = criterion.benchmark_group("file_read");
    group.throughput(Throughput::Elements(1));
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let mut ring = bare::ring();
    let mut ring = Bare::new(&mut ring);
    for depth in DEPTHS {
        group.bench_function(BenchmarkId::new("nestling", depth), |bencher| {
            bencher.iter_custom(|operations| {
                let rounds = operations.div_ceil(depth);
                share(nestling(&mut runtime, &file, rounds, depth), operations, rounds, depth)
            });
        });
        group.bench_function(BenchmarkId::new("bare", depth), |bencher| {
            bencher.iter_custom(|operations| {
                let rounds = operations.div_ceil(depth);
                share(bare(&mut ring, &file, rounds, depth), operations, rounds, depth)
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
