//! The doctor reports, and its exit status says whether a server can be started.

use crate::process::{build, run};
use std::process::Command;

#[test]
fn it_reports_and_exits_accordingly() {
    let doctor = build("doctor");
    let healthy = run(Command::new(&doctor), &[]);
    assert_eq!(healthy.status.code(), Some(0), "{healthy:?}");
    assert!(healthy.stdout.contains(": healthy\n"), "{healthy:?}");

    // Four descriptors, of which three are taken: none for a ring and its bell.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 4; exec \"$0\""]).arg(&doctor);
    let ill = run(limited, &[]);
    assert_eq!(ill.status.code(), Some(1), "{ill:?}");
    assert!(ill.stdout.contains(": NOT healthy\n"), "{ill:?}");
    let failed = ill.stdout.lines().position(|line| line.starts_with("FAILED"));
    let remedy = ill.stdout.lines().nth(failed.expect("a check has failed") + 1);
    assert!(remedy.is_some_and(|line| line.starts_with("        Raise it (ulimit -n")), "{ill:?}");
    assert_eq!(ill.stderr, "");
}
