//! A test's program as a process that is sent signals.

use crate::process::Process;
use std::env;
use std::io;
use std::process::Command;

/// Names the test that a process was started for.
const VARIABLE: &str = "NESTLING_TEST_SIGNALLED";

/// Starts this program again, for the test of that name only. In there, runs `program` instead,
/// and gives nothing.
pub(crate) fn again(test: &str, program: impl FnOnce() -> io::Result<()>) -> Option<Process> {
    if env::var_os(VARIABLE).is_some_and(|name| name == test) {
        program().expect("the program runs");
        return None;
    }
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(VARIABLE, test);
    Some(Process::start(&mut command))
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
