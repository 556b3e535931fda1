//! An event counter that one thread writes and another thread's ring polls.

use super::check;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

/// A non-blocking, close-on-exec `eventfd(2)`.
#[derive(Debug)]
pub(crate) struct EventFd(File);

impl EventFd {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers are passed.
        let result = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        let fd = check(result.into())? as RawFd;
        // SAFETY: the kernel just made this descriptor and no other code knows its number.
        Ok(Self(unsafe { File::from_raw_fd(fd) }))
    }

    /// Adds one to the counter; the poll on the other side completes.
    pub(crate) fn signal(&self) {
        // The only possible error is a counter at its maximum (EAGAIN), and then the poll is due
        // to complete anyway. The counter is never read: a multishot poll sees each write.
        let _ = (&self.0).write(&1u64.to_ne_bytes());
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
