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
        let [_, most] = limits();
        let most = format!("--nofile={most}:");
        let _ = Command::new("prlimit").args(["--pid", &me, &most]).output();
    });
}

/// As many descriptors as this process may have now.
pub(crate) fn most_descriptors() -> usize {
    let [most, _] = limits();
    most
}

/// The limit in force, and how far it may be raised.
fn limits() -> [usize; 2] {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let mut words = line.split_whitespace().rev().skip(1);
    let [hard, soft] = [(); 2].map(|()| words.next().unwrap().parse().unwrap_or(1 << 20));
    [soft, hard]
}
