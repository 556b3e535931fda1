//! The runtime's promises, each tested under the hazard that broke it elsewhere.
//!
//! Tests are named after the hazard: `c3_…` is the third of those of the queues.

#![expect(unsafe_code, reason = "buffers and wakers that misbehave, and signals")]

mod always_ready;
mod always_there;
mod batching;
mod broken;
mod buffers;
mod cancelling;
mod clock;
mod combining;
mod fair;
mod fatal;
mod lingering;
mod mass;
mod options;
mod panicking;
mod queues;
mod seams;
mod starting;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod waking;

use nestling::{Runtime, Stats};

/// Asserts that nothing is in flight in a runtime that rests, and that nothing was lost or leaked.
fn assert_balanced(runtime: &Runtime) -> Stats {
    let stats = runtime.stats();
    assert_eq!(stats.submitted, stats.completed, "{stats:?}");
    assert_eq!((stats.in_flight, stats.stale, stats.leaked), (0, 0, 0), "{stats:?}");
    stats
}
