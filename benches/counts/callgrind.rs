//! Runs one program of this process in callgrind, twice: with so many operations, and with twice as
//! many. The difference is what the operations cost; what starting and stopping costs drops out.

use std::env;
use std::process::Command;

/// Says that this process is one that is counted.
pub(super) const RUN: &str = "--run";

/// What one operation costs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) instructions: f64,
    /// Lines of 64 bytes that were not in a first-level data cache of 32 KiB.
    pub(super) missed: f64,
}

/// The sums of one run, in callgrind's order: instructions, reads, writes, and what of these was
/// not found in the caches of the first and of the last level.
fn sums(program: &str, count: u64) -> Vec<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // Always the same caches, whatever this machine has.
        .args(["--cache-sim=yes", "--I1=32768,8,64", "--D1=32768,8,64", "--LL=8388608,16,64"])
        .arg(env::current_exe().expect("this program"))
        .args([RUN, program, &count.to_string()])
        .output()
        .expect("valgrind, which has to be installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let (_, sums) = collected.expect("what callgrind has collected");
    sums.split_whitespace().map(|sum| sum.parse().expect("a count")).collect()
}

/// What an operation of a program costs, of so many and of twice as many.
pub(super) fn cost(program: &str, count: u64) -> Cost {
    let (once, twice) = (sums(program, count), sums(program, 2 * count));
    let each = |at: usize| (twice[at] as f64 - once[at] as f64) / count as f64;
    // Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw
    Cost { instructions: each(0), missed: each(4) + each(5) }
}
