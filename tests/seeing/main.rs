//! What a program shows of itself: the tree of its nurseries and tasks, events, and traces.

mod chrome;
mod dump;
mod events;
mod hooks;
mod metrics;
mod places;
mod printed;
mod signal;
mod spans;
mod stalls;

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
