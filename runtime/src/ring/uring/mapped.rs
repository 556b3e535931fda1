//! `Mapped`: a ring that is unmapped only where it is mapped.
//!
//! In a forked child the queues do not exist (`MADV_DONTFORK`), and their addresses are free: the
//! child's own allocations may lie there by the time it lets go of the ring.

use crate::sys::ForkGuard;
use io_uring::IoUring;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// The queues and the descriptor of a ring, and the process to which they belong.
pub(super) struct Mapped {
    uring: ManuallyDrop<IoUring>,
    process: ForkGuard,
}

impl Mapped {
    pub(super) fn new(uring: IoUring) -> Self {
        Self { uring: ManuallyDrop::new(uring), process: ForkGuard::new() }
    }

    /// Whether this is a forked child.
    pub(super) fn forked(&self) -> bool {
        self.process.forked()
    }
}

impl Deref for Mapped {
    type Target = IoUring;

    fn deref(&self) -> &IoUring {
        &self.uring
    }
}

impl DerefMut for Mapped {
    fn deref_mut(&mut self) -> &mut IoUring {
        &mut self.uring
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.forked() {
            // SAFETY: the child has a copy of the descriptor, of which this was the only owner.
            drop(unsafe { OwnedFd::from_raw_fd(self.uring.as_raw_fd()) });
            return;
        }
        // SAFETY: it is dropped here only, and not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.uring) };
    }
}
