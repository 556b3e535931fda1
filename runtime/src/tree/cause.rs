//! `Cause`: why a scope is cancelled, and what is behind that.

/// Why a scope was cancelled. The first reason is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The scope's own `cancel()` was called.
    Asked,
    /// A child or the body failed or panicked.
    Failure,
    /// The scope's deadline passed.
    Deadline,
    /// A scope around it was cancelled.
    Ancestor,
}

/// A [`Reason`] with what is behind it, in as little room: an operation wants to know whether a
/// deadline began the cancel, in whichever scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    Asked,
    Failure,
    Deadline,
    Above,
    /// A scope around it was cancelled, by a deadline.
    DeadlineAbove,
}

impl Cause {
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::Asked => Reason::Asked,
            Self::Failure => Reason::Failure,
            Self::Deadline => Reason::Deadline,
            Self::Above | Self::DeadlineAbove => Reason::Ancestor,
        }
    }

    /// The cause for a scope that is cancelled because it is below a scope with this cause.
    #[cold]
    pub(crate) fn below(self) -> Self {
        if self.is_deadline() { Self::DeadlineAbove } else { Self::Above }
    }

    /// Whether the cancel goes back to a deadline.
    pub(crate) fn is_deadline(self) -> bool {
        matches!(self, Self::Deadline | Self::DeadlineAbove)
    }
}

impl From<Reason> for Cause {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Asked => Self::Asked,
            Reason::Failure => Self::Failure,
            Reason::Deadline => Self::Deadline,
            Reason::Ancestor => Self::Above,
        }
    }
}
