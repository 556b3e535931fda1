//! A test's program once more, as a process that runs one test only.

use std::env;
use std::process::{Command, Stdio};

/// Names the test that a process was started for.
const VARIABLE: &str = "NESTLING_TEST";

/// Whether this process was started for that test.
pub(crate) fn is_inside(test: &str) -> bool {
    env::var_os(VARIABLE).is_some_and(|name| name == test)
}

/// This program, to be started for the test of that name, with its module's.
pub(crate) fn again(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.env(VARIABLE, test).stdin(Stdio::null());
    command
}

/// Runs `body` in a process that does nothing else: this program, for the test of that name, which
/// calls this. What `body` prints is shown if it fails.
#[track_caller]
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if is_inside(test) {
        return body();
    }
    let output = again(test).output().expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    assert!(said.contains("test result: ok. 1 passed"), "`{test}` is no test's name\n{said}");
}
