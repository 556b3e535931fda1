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
mod mass;
mod panicking;
mod queues;
mod seams;
mod stale;
mod starting;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod waking;

use support::assert_balanced;
