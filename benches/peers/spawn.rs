//! Spawning and joining 1,000 children, with nothing to do or with one yield, against peers.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench spawn
//! ```
//!
//! Times are per child, from the spawn until all are joined. The peers are Tokio's `JoinSet` on one
//! thread, and `FuturesUnordered` of boxed futures without any runtime: its waker does nothing.

use criterion::Criterion;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, LocalSet};

/// Children that are joined together.
const CHILDREN: u64 = 1_000;

/// Opens so many nurseries, one after the other.
fn nestling<F>(runtime: &mut nestling::Runtime, rounds: u64, child: fn() -> F) -> Duration
where
    F: Future<Output = ()>,
{
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..rounds {
            let result: io::Result<()> = nestling::nursery(async |n| {
                for _ in 0..CHILDREN {
                    n.spawn(child());
                }
                Ok(())
            })
            .await;
            result.expect("no child fails");
        }
        start.elapsed()
    })
}

fn tokio<F>(runtime: &tokio::runtime::Runtime, rounds: u64, child: fn() -> F) -> Duration
where
    F: Future<Output = ()> + 'static,
{
    LocalSet::new().block_on(runtime, async {
        let start = Instant::now();
        for _ in 0..rounds {
            let mut set = JoinSet::new();
            for _ in 0..CHILDREN {
                set.spawn_local(child());
            }
            while let Some(joined) = set.join_next().await {
                joined.expect("no child panics");
            }
        }
        start.elapsed()
    })
}

fn unordered<F>(rounds: u64, child: fn() -> F) -> Duration
where
    F: Future<Output = ()> + 'static,
{
    busy(async {
        let start = Instant::now();
        for _ in 0..rounds {
            let mut set: FuturesUnordered<Pin<Box<dyn Future<Output = ()>>>> =
                FuturesUnordered::new();
            for _ in 0..CHILDREN {
                set.push(Box::pin(child()));
            }
            while let Some(()) = set.next().await {}
        }
        start.elapsed()
    })
}

/// Polls a future until it is ready, without ever waiting.
fn busy<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// A yield that asks nothing of any runtime.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn compare<N, T, U>(
    criterion: &mut Criterion,
    name: &str,
    of_nestling: fn() -> N,
    of_tokio: fn() -> T,
    of_nobody: fn() -> U,
) where
    N: Future<Output = ()>,
    T: Future<Output = ()> + 'static,
    U: Future<Output = ()> + 'static,
{
    let share = |elapsed: Duration, children: u64, rounds: u64| {
        elapsed.mul_f64(children as f64 / (rounds * CHILDREN) as f64)
    };
    let mut group = criterion.benchmark_group(name);
    let mut runtime = nestling::Runtime::builder().build().expect("a runtime");
    group.bench_function("nestling", |bencher| {
        bencher.iter_custom(|count| {
            let rounds = count.div_ceil(CHILDREN);
            share(nestling(&mut runtime, rounds, of_nestling), count, rounds)
        });
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    group.bench_function("tokio JoinSet", |bencher| {
        bencher.iter_custom(|count| {
            let rounds = count.div_ceil(CHILDREN);
            share(tokio(&runtime, rounds, of_tokio), count, rounds)
        });
    });
    group.bench_function("FuturesUnordered", |bencher| {
        bencher.iter_custom(|count| {
            let rounds = count.div_ceil(CHILDREN);
            share(unordered(rounds, of_nobody), count, rounds)
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let nothing = || std::future::ready(());
    compare(&mut criterion, "spawn, nothing", nothing, nothing, nothing);
    // Each runtime with its own yield: Tokio's waits for the next turn, by design.
    let (of_nestling, of_tokio) = (nestling::task::yield_now, tokio::task::yield_now);
    compare(&mut criterion, "spawn, one yield", of_nestling, of_tokio, yield_once);
    criterion.final_summary();
}
