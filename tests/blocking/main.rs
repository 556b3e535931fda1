//! Nothing blocks the loop: calls that block run elsewhere, and names are looked up there.

mod calls;
mod cancelling;
mod names;
mod sharing;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

use nestling::inspect::Wait;
use nestling::{Builder, Runtime, dump_tree};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use support::watched;

/// Runs a test in a runtime of its own, and checks that nothing is left in flight.
#[track_caller]
fn run<T>(builder: Builder, test: impl AsyncFnOnce() -> T) -> T {
    watched(|| {
        let mut runtime = builder.build().unwrap();
        let value = runtime.block_on(test());
        let stats = runtime.stats();
        assert_eq!((stats.in_flight, stats.stale, stats.leaked), (0, 0, 0), "{stats:?}");
        value
    })
}

/// A runtime with so many threads for blocking calls.
fn threads(count: usize) -> Builder {
    Runtime::builder().blocking_threads(count)
}

/// Holds a blocking call up until the other half says so, or goes.
fn gate() -> (SyncSender<()>, Receiver<()>) {
    sync_channel(1)
}

/// How many calls of this core are queued or run; those that wait in line are not counted.
fn under_way() -> usize {
    let is_call =
        |wait: &&Wait| matches!(wait, Wait::Operation { name, .. } if *name == "a blocking call");
    dump_tree().nodes().iter().flat_map(|node| node.waits().iter().filter(is_call)).count()
}
