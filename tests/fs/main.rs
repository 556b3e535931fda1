//! Files and directories: what they do, what is left of them when they are cancelled or dropped,
//! and that none keeps its core from the others.
//!
//! | file | what it holds |
//! |---|---|
//! | `cut.rs` | what is left of operations that are cancelled, dropped or raced |
//! | `dead.rs` | a mount whose server does not answer |
//! | `dirs.rs` | directories, links, walks, temporary names; no path leads out of a `Dir` |
//! | `files.rs` | reads and writes at places, their ends, their errors, and the space of a file |
//! | `folder.rs` | a directory for one test, which is gone after it |
//! | `hostile.rs` | full disks, disks that may not be written to, and processes that are killed |
//! | `large.rs` | a copy of 256 MiB |
//! | `memory.rs` | the memory of direct reads and writes, watched after it was freed |
//! | `model.rs` | random reads, writes and cuts, against a vector |
//! | `waiting.rs` | FIFOs, full pipes and locks, a thousand at a time, beside other files |

mod cut;
mod dead;
mod dirs;
mod files;
mod folder;
mod hostile;
mod large;
mod memory;
mod model;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod waiting;

use nestling::Runtime;
use support::{assert_balanced, descriptors, watched};

/// Runs a test in a runtime of its own, with few places in the ring's queue; and checks that no
/// descriptor and nothing in flight is left of it. While there is a `Folder`, no other test runs.
fn run<T>(test: impl AsyncFnOnce() -> T) -> T {
    watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let before = descriptors();
        let result = runtime.block_on(test());
        assert_eq!(descriptors(), before);
        assert_balanced(&runtime);
        result
    })
}
