//! What a raw system call returned, as an `io::Result`.

use std::io;

/// Turns the `-1` of a system call into the error that `errno` names.
pub(crate) fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
