//! A no-operation, from await to await, against the bare ring with the same flags and batches.
//!
//! ```text
//! cargo bench --bench nop
//! ```
//!
//! Times are per operation. The depth is how many children await one at a time, and so how many
//! go into the kernel with one call. The difference to the bare ring is what the runtime adds:
//! entry, table, wake, poll.

mod bare;

use bare::Bare;
use criterion::{BenchmarkId, Criterion};
use io_uring::opcode;
use nestling::{Runtime, nursery};
use nestling_runtime::lowlevel::nop;
use std::io;
use std::time::{Duration, Instant};

const DEPTHS: [u64; 3] = [1, 32, 128];

/// What `operations` take if `rounds * depth` took `elapsed`.
fn share(elapsed: Duration, operations: u64, rounds: u64, depth: u64) -> Duration {
    elapsed.mul_f64(operations as f64 / (rounds * depth) as f64)
}

fn nestling(runtime: &mut Runtime, rounds: u64, depth: u64) -> Duration {
    runtime.block_on(async {
        let start = Instant::now();
        let result: io::Result<()> = nursery(async |n| {
            for _ in 0..depth {
                n.spawn(async {
                    for _ in 0..rounds {
                        nop().await?;
                    }
                    Ok(())
                });
            }
            Ok(())
        })
        .await;
        result.expect("nops do not fail");
        start.elapsed()
    })
}

fn bare(ring: &mut Bare<'_>, rounds: u64, depth: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..rounds {
        let nops = (0..depth).map(|_| opcode::Nop::new().build());
        assert_eq!(ring.exchange(nops, depth as usize), 0, "nops do not fail");
    }
    start.elapsed()
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group("nop");
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let mut ring = bare::ring();
    let mut ring = Bare::new(&mut ring);
    for depth in DEPTHS {
        group.bench_function(BenchmarkId::new("nestling", depth), |bencher| {
            bencher.iter_custom(|operations| {
                let rounds = operations.div_ceil(depth);
                share(nestling(&mut runtime, rounds, depth), operations, rounds, depth)
            });
        });
        group.bench_function(BenchmarkId::new("bare", depth), |bencher| {
            bencher.iter_custom(|operations| {
                let rounds = operations.div_ceil(depth);
                share(bare(&mut ring, rounds, depth), operations, rounds, depth)
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
