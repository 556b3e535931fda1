//! What one spawn, one wake, one operation and one message cost, in figures that do not wobble:
//! instructions, lines of memory, allocations, system calls. Nothing is timed.
//!
//! ```text
//! cargo bench --bench counts                 # the table
//! cargo bench --bench counts -- --check      # fails if a figure is above its ceiling
//! ```
//!
//! Needs `valgrind`: its callgrind counts instructions, and simulates a cache. The kernel's own
//! instructions are not counted. `missed` are the lines of 64 bytes that were not in a cache of
//! 32 KiB: with a thousand connections, those that a message touches.

mod callgrind;
mod ceilings;
#[path = "../../tests/support/counting.rs"]
mod counting;
mod datagrams;
mod files;
mod messages;
#[path = "../nested/mod.rs"]
mod nested;
mod programs;

use callgrind::RUN;
use ceilings::above;
use datagrams::datagrams;
use files::{fixed, plain};
use messages::{Counted, Way, echoes};
use programs::{
    DATAGRAMS, ECHO_1, ECHO_64, ECHO_1024, FIXED_READS, LEASES, PLAIN_DATAGRAMS, PROGRAMS, READS,
    STREAMS, WAKE_1, WAKE_16,
};
use std::env;
use std::process::ExitCode;

/// Operations of the shorter run. A multiple of what a nursery, a batch of nops or a round of
/// messages has.
const OPERATIONS: u64 = 25_600;

/// Messages for which allocations and system calls are counted.
const MESSAGES: u64 = 102_400;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [first, name, count] = arguments.as_slice()
        && first == RUN
    {
        let (_, run) = PROGRAMS.iter().find(|(other, _)| other == name).expect("a program");
        run(count.parse().expect("a count"));
        return ExitCode::SUCCESS;
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("only `cargo bench` measures");
        return ExitCode::SUCCESS;
    }
    let figures: Vec<_> = operations().into_iter().chain(per_message()).collect();
    let high = above(&figures);
    for text in &high {
        eprintln!("too high: {text}");
    }
    let checks = arguments.iter().any(|argument| argument == "--check");
    if checks && !high.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// A program that counts by itself what so many operations take, with its name.
type Counting = (&'static str, fn(u64) -> Counted);

/// A figure with its name.
type Figure = (String, f64);

/// Instructions and missed lines of each program.
fn operations() -> Vec<Figure> {
    println!("{:34} {:>12} {:>8}", "", "instructions", "missed");
    let mut figures = Vec::new();
    for (name, _) in PROGRAMS {
        let cost = callgrind::cost(name, OPERATIONS);
        println!("{name:34} {:12.1} {:8.2}", cost.instructions, cost.missed);
        figures.push((name.to_owned(), cost.instructions));
        figures.push((format!("{name}, missed"), cost.missed));
    }
    let of = |name: &str| figures.iter().find(|(other, _)| other == name).expect("a program").1;
    let level = (of(WAKE_16) - of(WAKE_1)) / 15.0;
    println!("{:34} {level:12.1}", ceilings::LEVEL);
    figures.push((ceilings::LEVEL.to_owned(), level));
    figures
}

/// Allocations and calls of the kernel, of an echoed message and of a read.
fn per_message() -> Vec<Figure> {
    println!("\n{:34} {:>12} {:>8}", "", "allocations", "enters");
    let mut figures = Vec::new();
    let programs: [Counting; 9] = [
        (ECHO_1, |messages| echoes(Way::Read, 1, messages)),
        (ECHO_64, |messages| echoes(Way::Read, 64, messages)),
        (ECHO_1024, |messages| echoes(Way::Read, 1024, messages)),
        (LEASES, |messages| echoes(Way::Recv, 64, messages)),
        (STREAMS, |messages| echoes(Way::Stream, 64, messages)),
        (DATAGRAMS, |messages| datagrams(true, 64, messages)),
        (PLAIN_DATAGRAMS, |messages| datagrams(false, 64, messages)),
        (READS, |reads| files::reads(plain, reads)),
        (FIXED_READS, |reads| files::reads(fixed, reads)),
    ];
    for (name, count) in programs {
        let (once, twice) = (count(MESSAGES), count(2 * MESSAGES));
        let each = |once: u64, twice: u64| (twice as f64 - once as f64) / MESSAGES as f64;
        let allocations = each(once.allocations, twice.allocations);
        let enters = each(once.enters, twice.enters);
        println!("{name:34} {allocations:12.3} {enters:8.3}");
        figures.push((format!("{name}, allocations"), allocations));
        figures.push((format!("{name}, enters"), enters));
    }
    figures
}
