//! Tasks that are spawned and joined.

use super::super::common::{Spent, Start, TASKS};
use kimojio::operations::{spawn_task, yield_io};
use std::future::ready;

pub(super) fn join(tasks: u64) -> Spent {
    run(tasks, || ready(()))
}

pub(super) fn with_a_yield(tasks: u64) -> Spent {
    run(tasks, || async {
        yield_io().await;
    })
}

fn run<F: Future<Output = ()> + 'static>(tasks: u64, task: fn() -> F) -> Spent {
    super::run(async move {
        let start = Start::now();
        for _ in 0..tasks / TASKS {
            let handles: Vec<_> = (0..TASKS).map(|_| spawn_task(task())).collect();
            for handle in handles {
                assert!(handle.await.is_ok(), "no panic");
            }
        }
        start.elapsed()
    })
}
