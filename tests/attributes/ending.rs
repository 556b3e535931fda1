//! How programs and tests end that fail, or cannot be started: seen from outside, in a process of
//! their own.

use crate::support::again::again;
use std::process::{Command, Output};

/// Runs an ignored test of this program in a process of its own, after what a shell does first.
fn run(test: &str, first: &str) -> (Option<i32>, String) {
    let program = again(test);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{first} exec \"$0\" \"$@\"")]);
    command.arg(program.get_program()).args(program.get_args()).arg("--ignored");
    let Output { status, stdout, stderr } = command.output().expect("a process");
    let text = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
    (status.code(), text.into_owned())
}

/// Leaves no descriptor for a ring and its bell.
const FEW: &str = "ulimit -n 4;";
const LIMIT: &str = "the limit of open descriptors (soft 4, hard 4) was reached: a core needs two";
const REMEDY: &str = "Raise it (ulimit -n, systemd LimitNOFILE=) or open less";

#[nestling::test]
#[ignore = "a test of this file runs it"]
async fn fails() -> Result<(), String> {
    Err("the test's own words".to_owned())
}

#[nestling::test(cores = 1)]
#[ignore = "a test of this file runs it"]
async fn fails_on_a_core() -> Result<(), String> {
    Err("the test's own words".to_owned())
}

#[test]
fn a_test_that_returns_an_error_fails() {
    for test in ["ending::fails", "ending::fails_on_a_core"] {
        let (status, text) = run(test, "");
        assert_eq!(status, Some(101), "{text}");
        assert!(text.contains("the test's own words"), "{text}");
    }
}

#[test]
fn a_test_that_cannot_be_started_fails_with_the_reason() {
    for test in ["ending::fails", "ending::fails_on_a_core"] {
        let (status, text) = run(test, FEW);
        assert_eq!(status, Some(101), "{text}");
        assert!(text.contains("the runtime could not be built: "), "{text}");
        assert!(text.contains(LIMIT) && text.contains(REMEDY), "{text}");
        assert!(!text.contains("Custom {"), "it is a text: {text}");
    }
}

mod program {
    #[nestling::main]
    pub(crate) async fn main() {}
}

mod program_on_cores {
    #[nestling::main(cores = "all")]
    pub(crate) async fn main() -> Result<(), String> {
        Ok(())
    }
}

#[test]
#[ignore = "a test of this file runs it"]
fn starts() {
    program::main();
}

#[test]
#[ignore = "a test of this file runs it"]
fn starts_on_cores() {
    program_on_cores::main().expect("it does not fail");
}

#[test]
fn a_program_that_cannot_be_started_says_why_and_exits_with_1() {
    for (test, place) in [("ending::starts", ""), ("ending::starts_on_cores", "core ")] {
        let (status, text) = run(test, "");
        assert_eq!(status, Some(0), "{text}");
        let (status, text) = run(test, FEW);
        assert_eq!(status, Some(1), "{text}");
        // The test's name may stand before it, on the same line.
        let error = text.lines().find_map(|line| Some(line.split_once("Error: ")?.1));
        let error = error.unwrap_or_else(|| panic!("it says nothing: {text}"));
        assert!(error.starts_with(place) && error.contains(LIMIT), "{text}");
        assert!(error.ends_with(&format!(". {REMEDY}")), "{text}");
    }
}
