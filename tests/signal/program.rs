//! A test's program as a process that is sent signals.

use crate::support::again::{again, is_inside};
use crate::support::process::Process;
use std::io;

/// Starts this program again, for the test of that name only. In there, runs `program` instead,
/// and gives nothing.
pub(crate) fn start(test: &str, program: impl FnOnce() -> io::Result<()>) -> Option<Process> {
    if is_inside(test) {
        program().expect("the program runs");
        return None;
    }
    Some(Process::start(&mut again(test)))
}

/// Says a line to the test.
pub(crate) fn say(line: &str) {
    println!("\nsays {line}");
}

/// Waits until the process says a line.
#[track_caller]
pub(crate) fn hear(process: &mut Process, line: &str) {
    loop {
        let heard = process.line();
        if let Some(said) = heard.strip_prefix("says ") {
            assert_eq!(said, line);
            return;
        }
    }
}
