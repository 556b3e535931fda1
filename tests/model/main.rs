//! The model test: random trees of nurseries on the real runtime, each run checked against a small
//! sequential model of the rules.
//!
//! A seed makes a plan (`generate.rs`, `plan.rs`), which is carried out over real sockets (`run.rs`,
//! `nest.rs`, `wait.rs`, `world.rs`) and leaves a log (`log.rs`). The model reads the log
//! (`allowed.rs` with `tree.rs`, `task.rs`, `awaits.rs` and `books.rs`); what can be seen from outside is
//! looked at by `oracle.rs`. Seeds that failed once are kept in `seeds.rs`.
//!
//! | variable | what it does |
//! |---|---|
//! | `NESTLING_SEED=7` | runs one plan and prints it |
//! | `NESTLING_SEEDS=20000` | runs so many instead of 2,000 |

mod allowed;
mod awaits;
mod books;
mod generate;
mod log;
mod nest;
mod oracle;
mod plan;
mod random;
mod run;
mod seeds;
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
