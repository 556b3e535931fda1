//! Files and directories: what they do, what is left of them when they are cancelled or dropped,
//! and that none keeps its core from the others.
//!
//! | file | what it holds |
//! |---|---|
//! | `files.rs` | reads and writes at places, their ends, their errors, and the space of a file |
//! | `folder.rs` | a directory for one test, which is gone after it |

mod files;
mod folder;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

use nestling::Runtime;

/// Runs a test in a runtime of its own, and checks that nothing in flight is left of it.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    support::watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let result = runtime.block_on(test());
        support::assert_balanced(&runtime);
        result
    })
}
