//! Whether a descriptor is ready, asked without waiting.

use super::check;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Whether something can be read, or written if `write`; an error, or the end of the other side,
/// counts as both.
pub(crate) fn is_ready(fd: &impl AsFd, write: bool) -> io::Result<bool> {
    let events = if write { libc::POLLOUT } else { libc::POLLIN };
    let mut asked = libc::pollfd { fd: fd.as_fd().as_raw_fd(), events, revents: 0 };
    // SAFETY: the kernel reads and writes one such structure, from where it is.
    let ready = unsafe { libc::poll(&raw mut asked, 1, 0) };
    check(ready.into()).map(|count| count > 0)
}
