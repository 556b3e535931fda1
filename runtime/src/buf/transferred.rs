//! `Transferred`: how much of a buffer had gone through before an error.

use std::error::Error;
use std::fmt;
use std::io;

/// An operation on many bytes that failed after some of them: how many had gone through.
///
/// # Examples
///
/// ```
/// use nestling_runtime::net::{Transferred, transferred};
/// use std::io;
/// let error = Transferred::wrap(512, io::Error::from(io::ErrorKind::ConnectionReset));
/// assert_eq!(transferred(&error), Some(512));
/// assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
/// ```
#[derive(Debug)]
pub struct Transferred {
    bytes: usize,
    source: io::Error,
}

impl Transferred {
    /// The error with the count, as an `io::Error` of the same kind.
    pub fn wrap(bytes: usize, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), Self { bytes, source })
    }

    /// The count of an error, zero if it has none; and the error without it.
    pub(crate) fn split(error: io::Error) -> (usize, io::Error) {
        match error.downcast::<Self>() {
            Ok(counted) => (counted.bytes, counted.source),
            Err(error) => (0, error),
        }
    }

    /// Bytes that had gone through.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl fmt::Display for Transferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (after {} bytes)", self.source, self.bytes)
    }
}

impl Error for Transferred {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// How many bytes went through before `write_all`, `read_exact` or a copy failed with this error.
pub fn transferred(error: &io::Error) -> Option<usize> {
    error.get_ref()?.downcast_ref::<Transferred>().map(Transferred::bytes)
}
