//! `PathError`: an error, and the path for which it came.

use crate::scope::is_cancelled;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Says what could not be done, with which path, and why. It is inside the `io::Error`, whose kind
/// is that of the cause.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, fs};
/// let error = block_on(fs::read("/no/such/file")).unwrap_err();
/// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
/// assert!(error.to_string().starts_with("cannot open '/no/such/file': No such file"));
/// let inner = error.get_ref().unwrap().downcast_ref::<fs::PathError>().unwrap();
/// assert_eq!(inner.raw_os_error(), Some(2)); // ENOENT
/// ```
#[derive(Debug)]
pub struct PathError {
    what: &'static str,
    path: PathBuf,
    remedy: Option<&'static str>,
    source: io::Error,
}

impl PathError {
    /// The path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number by which the system names the cause.
    pub fn raw_os_error(&self) -> Option<i32> {
        self.source.raw_os_error()
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, path, remedy, source } = self;
        write!(f, "cannot {what} '{}': {source}", path.display())?;
        remedy.map_or(Ok(()), |remedy| write!(f, ". {remedy}"))
    }
}

impl Error for PathError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Gives an error more words. A cancellation needs none.
pub(super) fn at(what: &'static str, path: &Path, source: io::Error) -> io::Error {
    explained(what, path, source, None)
}

/// As [`at`], with what helps.
pub(super) fn explained(
    what: &'static str,
    path: &Path,
    source: io::Error,
    remedy: Option<&'static str>,
) -> io::Error {
    if is_cancelled(&source) {
        return source;
    }
    let path = path.to_owned();
    io::Error::new(source.kind(), PathError { what, path, remedy, source })
}
