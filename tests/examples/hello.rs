//! The smallest example greets.

use crate::process::{build, run};
use std::process::Command;

#[test]
fn it_greets() {
    let ended = run(Command::new(build("hello")), &[]);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("hello, world\n", ""));
}
