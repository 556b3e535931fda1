//! What a program shows of itself: the tree of its nurseries and tasks, events, and traces.

#[path = "../support/again.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod again;
mod chrome;
mod dump;
mod events;
mod hooks;
mod places;
mod printed;
mod signal;
mod spans;
mod stalls;

#[path = "../support/process.rs"]
#[allow(dead_code, reason = "only an example is built by it")]
mod process;

#[path = "../nursery/support.rs"]
#[allow(dead_code, reason = "shared with the tests of nurseries, used in part")]
mod support;

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod watch;
