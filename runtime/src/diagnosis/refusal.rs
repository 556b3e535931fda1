//! `Refusal`: why the machine says no, and apart from that what to do about it.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;

/// The payload of an `io::Error` of starting. It reads as one text, whichever way it is printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    cause: String,
    remedy: Option<Cow<'static, str>>,
}

impl Refusal {
    pub(crate) fn new(cause: impl Into<String>, remedy: impl Into<Cow<'static, str>>) -> Self {
        Self { cause: cause.into(), remedy: Some(remedy.into()) }
    }

    /// A refusal for which no remedy is known.
    pub(crate) fn bare(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), remedy: None }
    }

    /// What an error says; the text of an error that is not a `Refusal` is all cause.
    pub(crate) fn of(error: &io::Error) -> Self {
        let refusal = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>());
        refusal.cloned().unwrap_or_else(|| Self::bare(error.to_string()))
    }

    /// The error with words before its text that say where it happened.
    pub(crate) fn at(place: &str, error: &io::Error) -> io::Error {
        let Self { cause, remedy } = Self::of(error);
        Self { cause: format!("{place}: {cause}"), remedy }.into_error(error.kind())
    }

    pub(crate) fn into_error(self, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, self)
    }

    /// The cause, and the remedy if one is known.
    pub(crate) fn into_parts(self) -> (String, Option<Cow<'static, str>>) {
        (self.cause, self.remedy)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)?;
        match &self.remedy {
            Some(remedy) => write!(f, ". {remedy}"),
            None => Ok(()),
        }
    }
}

/// A program whose `main` returns the error prints this.
impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Error for Refusal {}
