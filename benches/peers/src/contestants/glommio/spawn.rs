//! Tasks that are spawned and joined.

use super::super::common::TASKS;
use glommio::spawn_local;
use std::future::ready;
use std::time::{Duration, Instant};

pub(super) fn join(tasks: u64) -> Duration {
    run(tasks, || ready(()))
}

pub(super) fn with_a_yield(tasks: u64) -> Duration {
    run(tasks, || async { glommio::executor().yield_now().await })
}

fn run<F: Future<Output = ()> + 'static>(tasks: u64, task: fn() -> F) -> Duration {
    super::executor().run(async {
        let start = Instant::now();
        for _ in 0..tasks / TASKS {
            let handles: Vec<_> = (0..TASKS).map(|_| spawn_local(task())).collect();
            for handle in handles {
                handle.await;
            }
        }
        start.elapsed()
    })
}
