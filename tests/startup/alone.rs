//! Runs a test in a process of its own.

use crate::sandbox::end_after;
use std::env;
use std::process::{Command, Stdio};

/// Names the test that a process was started for.
const VARIABLE: &str = "NESTLING_TEST_ALONE";

/// Seconds after which a test hangs, which else is done in one or two.
const PATIENCE: u32 = 60;

/// Runs `body` in a process that does nothing else: this program again, for the test of that name
/// only. What `body` prints is shown if it fails.
#[track_caller]
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if env::var_os(VARIABLE).is_some_and(|name| name == test) {
        end_after(PATIENCE);
        return body();
    }
    let output = Command::new(env::current_exe().expect("this program"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(VARIABLE, test)
        .stdin(Stdio::null())
        .output()
        .expect("a process");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{said}\n{complained}", output.status);
    assert!(said.contains("test result: ok. 1 passed"), "`{test}` is no test's name\n{said}");
}
