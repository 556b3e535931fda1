//! `Target`: what an operation is on.

use super::SharedFd;
use std::os::fd::{AsRawFd, RawFd};

/// What an operation is on. Its number is not given to anything else while this lives, nor is its
/// slot in a ring's table of files.
#[derive(Debug, Clone)]
pub(crate) struct Target(SharedFd);

impl Target {
    /// How a request names the target.
    #[inline]
    pub(crate) fn raw(&self) -> RawTarget {
        RawTarget::Descriptor(self.0.as_raw_fd())
    }

    /// How a request names the target so that the kernel need not look it up, if that is possible.
    #[inline]
    pub(crate) fn quick(&self) -> RawTarget {
        let fd = self.0.as_raw_fd();
        match self.0.slot() {
            Some(slot) => RawTarget::Registered { fd, slot },
            None => RawTarget::Descriptor(fd),
        }
    }
}

impl From<SharedFd> for Target {
    fn from(fd: SharedFd) -> Self {
        Self(fd)
    }
}

/// How a request names what it is on. Keeps nothing open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawTarget {
    Descriptor(RawFd),
    /// A ring has the descriptor in that slot of its table; another ring looks at the number.
    Registered {
        fd: RawFd,
        slot: u16,
    },
}

impl RawTarget {
    /// The number, which it has in any case.
    #[inline]
    pub(crate) fn descriptor(self) -> RawFd {
        let (Self::Descriptor(fd) | Self::Registered { fd, .. }) = self;
        fd
    }
}
