//! As many descriptors as there can be.

use std::fs;
use std::process::{self, Command};
use std::sync::Once;

/// Lets the tests, and the servers that they start, have as many descriptors as they may: thousands
/// of clients are not the only ones. Where it cannot be done, it may not be needed.
pub(crate) fn allow_crowds() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let me = process::id().to_string();
        let most = format!("--nofile={}:", most_descriptors());
        let _ = Command::new("prlimit").args(["--pid", &me, &most]).output();
    });
}

/// As many descriptors as this process may have, once it has asked for them.
pub(crate) fn most_descriptors() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let most = line.split_whitespace().nth_back(1).unwrap();
    most.parse().unwrap_or(1 << 20)
}
