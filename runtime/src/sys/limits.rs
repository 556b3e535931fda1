//! The limits of this process, asked of the kernel and not of `/proc`: the question needs no
//! descriptor, so it has an answer when there are none left.

use super::check;
use std::fmt;

/// A limit as it is now, and how high the process may raise it. `None`: without limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) soft: Option<u64>,
    pub(crate) hard: Option<u64>,
}

impl Limit {
    pub(crate) fn of_descriptors() -> Self {
        Self::of(libc::RLIMIT_NOFILE)
    }

    /// In bytes.
    pub(crate) fn of_locked_memory() -> Self {
        Self::of(libc::RLIMIT_MEMLOCK)
    }

    /// Of all processes of the user together.
    pub(crate) fn of_threads() -> Self {
        Self::of(libc::RLIMIT_NPROC)
    }

    fn of(resource: libc::__rlimit_resource_t) -> Self {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` is a live rlimit to be written.
        let result = unsafe { libc::getrlimit(resource, &mut limit) };
        if check(result.into()).is_err() {
            // A filter forbids the question. What the answer was for is said without it.
            return Self::default();
        }
        let finite = |value| (value != libc::RLIM_INFINITY).then_some(value);
        Self { soft: finite(limit.rlim_cur), hard: finite(limit.rlim_max) }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |limit: Option<u64>| limit.map_or("none".to_owned(), |limit| limit.to_string());
        write!(f, "soft {}, hard {}", text(self.soft), text(self.hard))
    }
}
