//! `Target`: what an operation is on.

use super::SharedFd;
use std::os::fd::{AsRawFd, RawFd};

/// What an operation is on. Its number is not given to anything else while this lives. A descriptor
/// so far; a place in the kernel's table of registered files is to be another one.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Descriptor(SharedFd),
}

impl Target {
    /// How a request names it.
    #[inline]
    pub(crate) fn raw(&self) -> RawTarget {
        match self {
            Self::Descriptor(fd) => RawTarget::Descriptor(fd.as_raw_fd()),
        }
    }
}

impl From<SharedFd> for Target {
    fn from(fd: SharedFd) -> Self {
        Self::Descriptor(fd)
    }
}

/// How a request names what it is on. Keeps nothing open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawTarget {
    Descriptor(RawFd),
}
