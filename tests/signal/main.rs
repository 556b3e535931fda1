//! Signals, each test in a process of its own: they are sent to processes.

mod delivery;
mod killed;
mod program;
mod stop;

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
