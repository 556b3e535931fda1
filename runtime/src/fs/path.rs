//! Paths as the kernel takes them.

use super::error;
use crate::op::Place;
use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The text of a path.
///
/// # Errors
///
/// There is a zero in it, where the kernel would take the path to end.
pub(super) fn text(what: &'static str, path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| {
        let zero = io::Error::new(io::ErrorKind::InvalidInput, "the path contains a zero byte");
        error::at(what, path, zero)
    })
}

/// The place of a path from where the process is.
pub(super) fn place(what: &'static str, path: &Path) -> io::Result<Place> {
    Ok(Place::new(text(what, path)?))
}
