//! `Cancelled`: the error of what ended because its scope was cancelled.

use std::fmt;
use std::io;

/// The work was cancelled: its nursery failed, was cancelled or timed out, or one around it did.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{Cancelled, is_cancelled};
/// let error = std::io::Error::from(Cancelled::new());
/// assert!(is_cancelled(&error));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cancelled(());

impl Cancelled {
    /// The error value.
    pub fn new() -> Self {
        Self(())
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl std::error::Error for Cancelled {}

impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}

/// Whether an operation failed because its scope was cancelled.
///
/// An `ECANCELED` that nobody here asked for (the kernel has reasons of its own, such as a process
/// limit) is an ordinary error, not a cancellation.
pub fn is_cancelled(error: &io::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = match error.get_ref() {
        Some(inner) => Some(inner),
        None => return false,
    };
    while let Some(error) = source {
        if error.is::<Cancelled>() {
            return true;
        }
        // An `io::Error` hides its own payload from `source`.
        source = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
