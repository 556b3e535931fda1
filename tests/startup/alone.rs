//! Runs a test in a process of its own.

use crate::sandbox::{become_user, end_after};
use std::env;
use std::process::{self, Command, Stdio};
use std::sync::{PoisonError, RwLock};

/// Names the test that a process was started for.
const VARIABLE: &str = "NESTLING_TEST_ALONE";

/// Seconds after which a test hangs, which else is done in one or two.
const PATIENCE: u32 = 60;

/// Held by every test while it runs, and by nobody else while one runs that counts memory.
static USER: RwLock<()> = RwLock::new(());

/// As [`alone`], and while no other test has rings that the kernel counts together with ours: it
/// counts those of all processes of a user. Root becomes another user; the others have to wait.
#[track_caller]
pub(crate) fn alone_as_user(test: &str, body: impl FnOnce()) {
    let _held = USER.write().unwrap_or_else(PoisonError::into_inner);
    again(test, || {
        become_user(10_000 + process::id() % 50_000);
        body();
    });
}

/// Runs `body` in a process that does nothing else: this program again, for the test of that name
/// only. What `body` prints is shown if it fails.
#[track_caller]
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    let _held = USER.read().unwrap_or_else(PoisonError::into_inner);
    again(test, body);
}

#[track_caller]
fn again(test: &str, body: impl FnOnce()) {
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
