//! `Failures`: everything that went wrong in a nursery.

use std::error::Error;
use std::fmt;

/// What [`nursery_all`](crate::nursery_all) returns instead of a value: every failure, in the order
/// in which they happened.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Failures, nursery_all};
///
/// let failures: Failures<&str> = nestling_runtime::block_on(async {
///     let result: Result<(), _> = nursery_all(async |n| {
///         n.spawn(async { Err::<(), _>("no paper") });
///         n.spawn(async { Err::<(), _>("no ink") });
///         Ok(())
///     })
///     .await;
///     result.unwrap_err()
/// });
/// assert_eq!(failures.errors(), ["no paper"]); // the second never began
/// ```
#[derive(Debug, Clone)]
pub struct Failures<E> {
    errors: Vec<E>,
    derived: Vec<E>,
    cancelled: bool,
}

impl<E> Failures<E> {
    pub(crate) fn new(errors: Vec<E>, derived: Vec<E>, cancelled: bool) -> Self {
        Self { errors, derived, cancelled }
    }

    /// The real failures, in order. Empty if there was none, but the work was cancelled from
    /// outside.
    pub fn errors(&self) -> &[E] {
        &self.errors
    }

    /// The errors of children that had been delivered a cancellation, which most likely caused
    /// them.
    pub fn derived(&self) -> &[E] {
        &self.derived
    }

    /// Whether the work was stopped without a failure of its own.
    pub fn cancelled(&self) -> bool {
        self.cancelled
    }

    /// The first real failure.
    pub fn into_first(self) -> Option<E> {
        self.errors.into_iter().next()
    }

    /// The real failures.
    pub fn into_errors(self) -> Vec<E> {
        self.errors
    }
}

impl<E: fmt::Display> fmt::Display for Failures<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.split_first() {
            None => f.write_str("cancelled"),
            Some((first, [])) => write!(f, "{first}"),
            Some((first, more)) => {
                write!(f, "{} failures: {first}", self.errors.len())?;
                more.iter().try_for_each(|error| write!(f, "; {error}"))
            }
        }
    }
}

impl<E: Error + 'static> Error for Failures<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.errors.first().map(|first| first as _)
    }
}
