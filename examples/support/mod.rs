//! Printing as a Unix tool does it, where `println` would panic.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process;

/// Prints a line. A reader that has gone, as in `echo | head -1`, is no reason to stop; if the line
/// cannot be written for another reason, such as a full disk, the program says so and exits with 1.
pub(crate) fn say(line: impl Display) {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(format_args!("cannot print: {error}"));
            process::exit(1)
        }
        _ => {}
    }
}

/// Prints a line about what went wrong, with the program's name.
pub(crate) fn complain(line: impl Display) {
    let _ = writeln!(io::stderr(), "{}: {line}", env!("CARGO_CRATE_NAME"));
}
