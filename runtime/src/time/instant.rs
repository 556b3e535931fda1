//! `Instant`: a moment on the clock of the core's kernel.

use crate::driver;
use crate::sys;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment on the monotonic clock (`CLOCK_MONOTONIC`), in nanoseconds.
///
/// Arithmetic saturates: the end of time is later than any timer, and no sum panics.
///
/// # Examples
///
/// ```
/// use nestling_runtime::time::Instant;
/// use std::time::Duration;
/// let start = Instant::now();
/// assert!(start + Duration::MAX > start + Duration::from_secs(1));
/// assert_eq!(start - (start + Duration::from_secs(1)), Duration::ZERO);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// Now: inside a runtime on its clock, outside on the system's.
    pub fn now() -> Self {
        match driver::current() {
            Some(driver) => Self(driver.borrow().now()),
            None => Self(sys::monotonic_ns()),
        }
    }

    /// How long ago this was; zero if it is to come.
    pub fn elapsed(&self) -> Duration {
        Self::now() - *self
    }

    /// How much later this is than `earlier`; zero if it is not.
    pub fn saturating_duration_since(&self, earlier: Self) -> Duration {
        *self - earlier
    }

    pub(super) fn as_nanos(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instant({:?})", Duration::from_nanos(self.0))
    }
}
