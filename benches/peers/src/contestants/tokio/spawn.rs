//! Tasks that are spawned and joined, by a set.

use super::super::common::{Spent, Start, TASKS};
use std::future::ready;
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, yield_now};

pub(super) fn join(runtime: &Runtime, tasks: u64) -> Spent {
    run(runtime, tasks, || ready(()))
}

/// Tokio's yield waits for the next turn, by design.
pub(super) fn with_a_yield(runtime: &Runtime, tasks: u64) -> Spent {
    run(runtime, tasks, yield_now)
}

fn run<F>(runtime: &Runtime, tasks: u64, task: fn() -> F) -> Spent
where
    F: Future<Output = ()> + Send + 'static,
{
    // On a worker, where the multi-thread runtime is at home.
    let spawned = runtime.spawn(async move {
        let start = Start::now();
        for _ in 0..tasks / TASKS {
            let mut set = JoinSet::new();
            for _ in 0..TASKS {
                set.spawn(task());
            }
            while let Some(joined) = set.join_next().await {
                joined.expect("no task panics");
            }
        }
        start.elapsed()
    });
    runtime.block_on(spawned).expect("no panic")
}
