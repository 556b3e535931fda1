//! Children that are spawned and joined.

use super::super::common::{Spent, Start, TASKS};
use nestling::nursery;
use nestling::task::yield_now;
use std::future::{Future, ready};
use std::io;

pub(super) fn join(tasks: u64) -> Spent {
    run(tasks, || ready(()))
}

pub(super) fn with_a_yield(tasks: u64) -> Spent {
    run(tasks, yield_now)
}

fn run<F: Future<Output = ()>>(tasks: u64, child: fn() -> F) -> Spent {
    super::runtime().block_on(async {
        let start = Start::now();
        for _ in 0..tasks / TASKS {
            let result: io::Result<()> = nursery(async |n| {
                for _ in 0..TASKS {
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
