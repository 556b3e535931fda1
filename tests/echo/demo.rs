//! The demonstration measures something, and leaves nothing behind.

use crate::process::{Ended, run};
use crate::server::example;
use std::process::Command;

fn demo(more: &[&str]) -> Ended {
    run(Command::new(example()), &[&["--demo", "--seconds", "1"], more].concat())
}

/// The first word after `name` in the table.
#[track_caller]
fn value<'a>(ended: &'a Ended, name: &str) -> &'a str {
    let row = ended.stdout.lines().find_map(|line| line.trim().strip_prefix(name));
    row.unwrap_or_else(|| panic!("no {name:?} in {ended:?}")).split_whitespace().next().unwrap()
}

#[test]
fn the_demo_prints_a_table_and_leaves_no_descriptor() {
    let ended = demo(&["--connections", "8"]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(ended.stdout.contains("messages/s"), "{}", ended.stdout);
    for name in ["throughput", "latency p50", "latency p99", "latency p99.9"] {
        let number: u64 = value(&ended, name).replace(',', "").parse().unwrap();
        assert!(number > 0, "{name}: {}", ended.stdout);
    }
    let calls: f64 = value(&ended, "system calls per message").parse().unwrap();
    assert!(calls > 0.0, "{}", ended.stdout);
    assert_eq!(value(&ended, "descriptors before"), value(&ended, "descriptors after"));
}

#[test]
fn a_demo_that_cannot_run_says_why() {
    let ended = demo(&["--cores", "5000"]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.starts_with("echo: 5000 cores were asked for"), "{}", ended.stderr);
}
