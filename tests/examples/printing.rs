//! Examples whose standard output no process reads, or which has no room.

use crate::process::build;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

/// Each that prints and ends, or prints first of all, with arguments.
const EXAMPLES: [(&str, &[&str]); 7] = [
    ("hello", &[]),
    ("doctor", &[]),
    ("payment", &["--accept"]),
    ("happy_eyeballs", &[]),
    ("echo", &["--help"]),
    ("static_files", &["--help"]),
    ("supervised", &["--help"]),
];

/// Their programs, in the same order.
static PROGRAMS: LazyLock<Vec<PathBuf>> =
    LazyLock::new(|| EXAMPLES.iter().map(|(example, _)| build(example)).collect());

/// Each with its program and arguments.
fn examples() -> impl Iterator<Item = (&'static str, &'static Path, &'static [&'static str])> {
    let each = EXAMPLES.iter().zip(&*PROGRAMS);
    each.map(|((example, arguments), program)| (*example, program.as_path(), *arguments))
}

fn run(program: &Path, arguments: &[&str], stdout: Stdio) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).env("RUST_BACKTRACE", "0");
    command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).output().unwrap()
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    for (example, program, arguments) in examples() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let ended = run(program, arguments, writer.into());
        assert!(ended.status.success(), "{example}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{example}: {ended:?}");
    }
}

#[test]
fn an_output_that_is_full_is_named_in_a_line() {
    for (example, program, arguments) in examples() {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = run(program, arguments, full.into());
        assert_eq!(ended.status.code(), Some(1), "{example}: {ended:?}");
        let expected = format!("{example}: cannot print: No space left on device (os error 28)\n");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), expected);
    }
}

/// As `hello >&-` does.
#[test]
fn an_output_that_is_closed_is_no_error() {
    for (example, program, arguments) in examples() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "exec \"$0\" \"$@\" >&-"]).arg(program).args(arguments);
        let ended = shell.stdin(Stdio::null()).output().unwrap();
        assert!(ended.status.success(), "{example}: {ended:?}");
        assert!(ended.stderr.is_empty(), "{example}: {ended:?}");
    }
}
