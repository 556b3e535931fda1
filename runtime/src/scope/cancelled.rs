//! `Cancelled`: the error of what ended because its scope was cancelled.

use std::fmt;
use std::io;

/// The work was cancelled: its nursery failed, was cancelled or timed out, or one around it did.
///
/// As an `io::Error` it is of the kind `TimedOut` if a deadline was the reason (of a `timeout`, a
/// nursery or a `shield_for`), else `Other`. Of several cancels, the one is the reason that reached
/// the scope of the work first; that another one follows changes nothing.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{Cancelled, is_cancelled};
/// let error = std::io::Error::from(Cancelled::new());
/// assert!(is_cancelled(&error));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cancelled(Cause);

/// What the text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Cause {
    #[default]
    Scope,
    Deadline,
    TimedOut,
    NeverReady,
    Refused,
}

impl Cancelled {
    /// The error value.
    pub fn new() -> Self {
        Self(Cause::Scope)
    }

    /// The nursery's own deadline passed.
    pub fn deadline() -> Self {
        Self(Cause::Deadline)
    }

    /// A deadline passed, of something around.
    pub fn timed_out() -> Self {
        Self(Cause::TimedOut)
    }

    /// A child that was started ended without being ready. Not a cancellation, but what there is
    /// for an error of any type.
    pub fn never_ready() -> Self {
        Self(Cause::NeverReady)
    }

    /// A child could not be sent to another core: there are as many operations in flight as may be.
    /// Not a cancellation, but what there is for a handle.
    pub fn refused() -> Self {
        Self(Cause::Refused)
    }

    /// Whether it was the deadline of the nursery that gave this error.
    pub fn is_deadline(&self) -> bool {
        self.0 == Cause::Deadline
    }

    /// Whether it was a deadline: that one, or one of something around.
    pub fn is_timed_out(&self) -> bool {
        matches!(self.0, Cause::Deadline | Cause::TimedOut)
    }

    /// Whether it says that a child that was started ended without being ready.
    pub fn is_never_ready(&self) -> bool {
        self.0 == Cause::NeverReady
    }

    /// Whether it says that a child could not be sent to another core. As an `io::Error` it is of
    /// the kind `QuotaExceeded`, and no cancellation.
    pub fn is_refused(&self) -> bool {
        self.0 == Cause::Refused
    }
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Cause::Scope => "cancelled",
            Cause::Deadline => "cancelled: the nursery's deadline passed",
            Cause::TimedOut => "cancelled: a deadline passed",
            Cause::NeverReady => "the started child ended without calling Started::ready",
            Cause::Refused => {
                "the child cannot be sent to its core: as many operations are in flight on this \
                 one as may be; limit the children of your nurseries, or use more cores"
            }
        })
    }
}

impl std::error::Error for Cancelled {}

impl From<Cancelled> for io::Error {
    /// `TimedOut` after a deadline, `QuotaExceeded` for a child that was refused, else `Other`.
    fn from(cancelled: Cancelled) -> Self {
        let kind = match cancelled.0 {
            Cause::Deadline | Cause::TimedOut => io::ErrorKind::TimedOut,
            Cause::Scope | Cause::NeverReady => io::ErrorKind::Other,
            Cause::Refused => io::ErrorKind::QuotaExceeded,
        };
        Self::new(kind, cancelled)
    }
}

/// Whether an operation failed because its scope was cancelled; also if that was by a deadline, for
/// which the error is of the kind `TimedOut`. To ask about the code that runs is another matter:
/// `task::cancel_called`.
///
/// An `ECANCELED` for which the runtime did not ask (the kernel has reasons of its own, such as a
/// process limit) is an ordinary error, not a cancellation.
pub fn is_cancelled(error: &io::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = match error.get_ref() {
        Some(inner) => Some(inner),
        None => return false,
    };
    while let Some(error) = source {
        if let Some(cancelled) = error.downcast_ref::<Cancelled>() {
            return !cancelled.is_never_ready() && !cancelled.is_refused();
        }
        // An `io::Error` hides its own payload from `source`.
        source = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}
