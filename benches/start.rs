//! What it takes to start and to stop: one core on this thread, and two cores with their threads.
//!
//! ```text
//! cargo bench --bench start
//! ```
//!
//! A start checks the machine each time: the ring's set-up, its operations, and a round trip.

use criterion::Criterion;
use nestling::{Cores, Runtime};
use std::io::Error;
use std::time::Duration;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let mut group = criterion.benchmark_group("start");
    group.bench_function("one core", |bencher| {
        bencher.iter(|| Runtime::builder().build().expect("a runtime").block_on(async {}));
    });
    group.bench_function("two cores", |bencher| {
        let two = || Runtime::builder().cores(Cores::Count(2));
        bencher.iter(|| two().run(async |_| Ok::<_, Error>(())).expect("they run"));
    });
    group.finish();
    criterion.final_summary();
}
