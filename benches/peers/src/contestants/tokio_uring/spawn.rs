//! Tasks that are spawned and joined.

use super::super::common::{Spent, Start, TASKS};
use std::future::ready;

pub(super) fn join(tasks: u64) -> Spent {
    run(tasks, || ready(()))
}

pub(super) fn with_a_yield(tasks: u64) -> Spent {
    run(tasks, tokio::task::yield_now)
}

fn run<F: Future<Output = ()> + 'static>(tasks: u64, task: fn() -> F) -> Spent {
    tokio_uring::start(async {
        let start = Start::now();
        for _ in 0..tasks / TASKS {
            let handles: Vec<_> = (0..TASKS).map(|_| tokio_uring::spawn(task())).collect();
            for handle in handles {
                handle.await.expect("no panic");
            }
        }
        start.elapsed()
    })
}
