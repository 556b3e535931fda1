//! Tasks that are spawned and joined.

use super::super::common::{Spent, Start, TASKS, yield_once};
use std::future::ready;

pub(super) fn join(tasks: u64) -> Spent {
    run(tasks, || ready(()))
}

/// It has no yield of its own.
pub(super) fn with_a_yield(tasks: u64) -> Spent {
    run(tasks, yield_once)
}

fn run<F: Future<Output = ()> + 'static>(tasks: u64, task: fn() -> F) -> Spent {
    super::runtime().block_on(async {
        let start = Start::now();
        for _ in 0..tasks / TASKS {
            let handles: Vec<_> = (0..TASKS).map(|_| compio::runtime::spawn(task())).collect();
            for handle in handles {
                handle.await.expect("no panic");
            }
        }
        start.elapsed()
    })
}
