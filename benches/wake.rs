//! What one more nursery level costs on the way of a wake, up to the root and down to the child.
//!
//! ```text
//! cargo bench --bench wake
//! ```
//!
//! A child inside 1, 4 or 16 nested nurseries is woken again and again; times are per wake. The
//! price of a level is `(time at 16 - time at 1) / 15`.
//!
//! - `descent`: the root wakes the child through its waker and polls the tree, so that nothing
//!   but the way up and the way down is measured (and a turn of the loop for every four wakes,
//!   the same for all levels).
//! - `nop`: the child awaits a no-operation, so each wake is a completion's: a whole turn.

mod nested;

use criterion::{BenchmarkId, Criterion};
use nested::{Child, Four, Level, Sixteen, Tree, descent};
use nestling::Runtime;
use nestling_runtime::lowlevel::nop;
use std::time::{Duration, Instant};

fn nops<T: Tree>(runtime: &mut Runtime, wakes: u64) -> Duration {
    runtime.block_on(async {
        let start = Instant::now();
        let leaf = async {
            for _ in 0..wakes {
                nop().await?;
            }
            Ok(())
        };
        T::run(leaf).await.expect("nops do not fail");
        start.elapsed()
    })
}

/// Runs so many wakes and says how long they took.
type Run = fn(&mut Runtime, u64) -> Duration;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut runtime = Runtime::builder().build().expect("a runtime");
    let ways: [(&str, [(u32, Run); 3]); 2] = [
        (
            "descent",
            [
                (1, descent::<Level<Child>>),
                (4, descent::<Four<Child>>),
                (16, descent::<Sixteen<Child>>),
            ],
        ),
        (
            "nop",
            [(1, nops::<Level<Child>>), (4, nops::<Four<Child>>), (16, nops::<Sixteen<Child>>)],
        ),
    ];
    let mut group = criterion.benchmark_group("wake");
    for (way, depths) in ways {
        for (depth, run) in depths {
            group.bench_function(BenchmarkId::new(way, depth), |bencher| {
                bencher.iter_custom(|wakes| run(&mut runtime, wakes));
            });
        }
    }
    group.finish();
    criterion.final_summary();
}
