//! Errors of sockets that callers tell apart.

use std::error::Error;
use std::io;

/// Whether an accept or a connect failed because descriptors, memory or operations in flight ran
/// out: a state that passes when others close theirs, and in which to try again at once would only
/// burn the core. Pause, then go on.
///
/// # Examples
///
/// ```
/// let error = std::io::Error::from_raw_os_error(24); // EMFILE
/// assert!(nestling_runtime::net::is_exhausted(&error));
/// ```
pub fn is_exhausted(error: &io::Error) -> bool {
    let exhausted = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    code(error).is_some_and(|code| exhausted.contains(&code))
        || error.kind() == io::ErrorKind::QuotaExceeded
}

/// The system's number for what went wrong, also of an error that was given more words.
fn code(error: &io::Error) -> Option<i32> {
    error.raw_os_error().or_else(|| code(error.source()?.downcast_ref()?))
}
