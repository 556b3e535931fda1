//! Tasks that are spawned and joined.

use super::super::common::{Spent, Start, TASKS};
use glommio::spawn_local;
use std::future::ready;

pub(super) fn join(tasks: u64) -> Spent {
    run(tasks, || ready(()))
}

pub(super) fn with_a_yield(tasks: u64) -> Spent {
    run(tasks, || async { glommio::executor().yield_now().await })
}

fn run<F: Future<Output = ()> + 'static>(tasks: u64, task: fn() -> F) -> Spent {
    super::executor().run(async {
        let start = Start::now();
        for _ in 0..tasks / TASKS {
            let handles: Vec<_> = (0..TASKS).map(|_| spawn_local(task())).collect();
            for handle in handles {
                handle.await;
            }
        }
        start.elapsed()
    })
}
