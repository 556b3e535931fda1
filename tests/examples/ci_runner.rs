//! Commands that fail, are late, print too much or are interrupted leave no process.

use crate::process::{Ended, Process, build, eventually, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

fn example() -> Command {
    static EXAMPLE: OnceLock<PathBuf> = OnceLock::new();
    Command::new(EXAMPLE.get_or_init(|| build("ci_runner")))
}

fn ci_runner(arguments: &[&str]) -> Ended {
    run(example(), arguments)
}

/// The process that a job's first line names.
#[track_caller]
fn process(line: &str) -> u32 {
    let id = line.split_once("(process ").and_then(|(_, rest)| rest.split_once(')'));
    id.unwrap_or_else(|| panic!("no process in {line:?}")).0.parse().unwrap()
}

fn is_there(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| !stat.rsplit_once(')').unwrap().1.starts_with(" Z"))
}

#[track_caller]
fn assert_none_is_left(ended: &Ended) {
    let started = ended.stdout.lines().filter(|line| line.contains("(process "));
    let left: Vec<_> = started.filter(|line| is_there(process(line))).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn commands_that_succeed() {
    let ended = ci_runner(&["--jobs", "1", "echo out; echo err >&2", "echo second"]);
    assert!(ended.status.success(), "{ended:?}");
    assert!(ended.stdout.contains("out\nerr\njob 1 succeeded\n"), "{ended:?}");
    assert!(ended.stdout.contains("second\njob 2 succeeded\n"), "{ended:?}");
}

#[test]
fn the_first_that_fails_ends_the_others() {
    let ended = ci_runner(&["sleep 1000", "sleep 1000 & wait", "sleep 0.1; exit 3"]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("job 3 failed: exit status: 3"), "{ended:?}");
    assert_none_is_left(&ended);
}

#[test]
fn the_others_go_on_if_that_is_asked_for() {
    let ended = ci_runner(&["--keep-going", "exit 3", "sleep 0.1; echo still here"]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.contains("still here\njob 2 succeeded"), "{ended:?}");
    assert!(ended.stderr.contains("1 of 2 failed"), "{ended:?}");
}

/// One job ignores what asks it to end, and one leaves a process that has its output.
#[test]
fn a_command_that_is_late() {
    let deaf = "trap '' TERM; echo begun; while :; do sleep 1000; done";
    for script in ["echo begun; sleep 1000", "echo begun; sleep 1000 & exit 0", deaf] {
        let ended = ci_runner(&["--deadline", "0.2", "--grace", "0.1", script]);
        if script.contains("exit 0") {
            // Its group has ended with it, and so has the output.
            assert!(ended.status.success(), "{ended:?}");
        } else {
            assert_eq!(ended.status.code(), Some(1), "{ended:?}");
            assert!(ended.stdout.contains("begun\njob 1 was too late"), "{ended:?}");
        }
        assert_none_is_left(&ended);
    }
}

#[test]
fn a_command_that_prints_too_much() {
    let ended = ci_runner(&["--output", "5", "yes"]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.ends_with("y\ny\nyjob 1 printed too much\n"), "{ended:?}");
    assert_none_is_left(&ended);
}

/// A file that goes with the test.
struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn number_in(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.strip_suffix('\n')?.parse().ok()
}

/// Ctrl-C, or what a service manager sends: neither a command nor what it has started is left.
#[test]
fn signals_leave_no_process() {
    for signal in ["INT", "TERM"] {
        let name = format!("nestling-ci-runner-{signal}-{}", std::process::id());
        let file = Kept(std::env::temp_dir().join(name));
        let parent = format!("sleep 1000 & echo $! > {}; wait", file.0.display());
        let mut runner = Process::start(example().args(["sleep 1000", &parent]));
        let started = [process(&runner.line()), process(&runner.line())];
        eventually("the grandchild is there", || number_in(&file.0).is_some_and(is_there));
        let grandchild = number_in(&file.0).unwrap();
        assert!(started.iter().all(|id| is_there(*id)));
        runner.signal(signal);
        let ended = runner.ended();
        assert_eq!(ended.status.code(), Some(130), "{ended:?}");
        assert!(!started.iter().any(|id| is_there(*id)));
        eventually("the grandchild is gone", || !is_there(grandchild));
    }
}

#[test]
fn a_wrong_call() {
    for arguments in [&[][..], &["--jobs", "0", "true"], &["--nonsense"]] {
        let ended = ci_runner(arguments);
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains("--help"), "{ended:?}");
    }
}
