//! What the process still has when an operation or a runtime is gone: descriptors, and what the
//! kernel polls for the ring.
//!
//! A process of its own, whose tests run one at a time: each compares `/proc/self/fd` before and
//! after.

#![expect(unsafe_code, reason = "entries that only a test pushes")]

mod accepted;
mod closing;
mod dropped;
mod moved;
mod stale;
mod starting;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

use nestling::{Runtime, Stats};
use std::fs;
use std::os::fd::RawFd;
use support::descriptors;

/// The descriptor of the one ring that is open.
fn ring() -> RawFd {
    let open = descriptors();
    let mut rings = open.iter().filter(|(_, what)| what.contains("[io_uring]"));
    let (&ring, _) = rings.next().expect("a runtime is there");
    assert!(rings.next().is_none(), "one runtime at a time");
    ring
}

/// The lines of the kernel's account of a ring that name something it polls, but for the bell.
fn polled(ring: RawFd) -> Vec<String> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{ring}")).expect("an open ring");
    let list = info.lines().skip_while(|line| !line.starts_with("PollList"));
    let list = list.skip(1).take_while(|line| line.starts_with("  "));
    list.filter(|line| !line.contains("op=6,")).map(str::to_owned).collect()
}

/// Asserts that nothing is left over in a runtime that rests.
fn assert_balanced(runtime: &Runtime) -> Stats {
    let stats = runtime.stats();
    assert_eq!(stats.submitted, stats.completed, "{stats:?}");
    assert_eq!((stats.in_flight, stats.stale, stats.leaked), (0, 0, 0), "{stats:?}");
    assert_eq!(polled(ring()), Vec::<String>::new());
    stats
}
