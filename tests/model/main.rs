//! The model test: random trees of nurseries on the real runtime, each run checked against a small
//! sequential model of the rules.
//!
//! | file | what it holds |
//! |---|---|
//! | `generate.rs`, `plan.rs` | a seed, and the plan that is made of it |
//! | `again.rs`, `run.rs`, `nest.rs`, `wait.rs`, `world.rs` | carrying it out, over real sockets |
//! | `log.rs` | what its tasks have seen, in order |
//! | `allowed.rs`, `tree.rs`, `task.rs`, `awaits.rs`, `books.rs` | the model, which reads the log |
//! | `oracle.rs` | what can be seen from outside, and the report of a failure |
//! | `seeds.rs` | seeds that failed once, and how many others are run |
//! | `made_up.rs` | logs that the model must refuse |
//!
//! `NESTLING_SEED=7` runs one plan; `NESTLING_SEEDS=20000` runs so many instead of 2,000;
//! with `NESTLING_FORGET=0` no plan forgets anything.

mod again;
mod allowed;
mod awaits;
mod books;
mod generate;
mod log;
mod made_up;
mod nest;
mod oracle;
mod plan;
mod run;
mod seeds;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod task;
mod tree;
mod wait;
#[expect(unsafe_code, reason = "a buffer that is known for as long as it exists")]
mod world;

/// One plan after the other: the process's descriptors are counted.
#[test]
fn model_allows_what_the_runtime_does() {
    for seed in seeds::seeds() {
        if let Err(report) = oracle::run(seed) {
            panic!("seed {seed}: {report}");
        }
    }
}
