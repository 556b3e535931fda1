//! Reads and writes of files by plain calls, which wait: for threads that may.
//!
//! The descriptor is named by its number, because its owner cannot leave its core.

use super::check;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

/// Reads what is at a place, or what comes next where there is none: no place is given, or the file
/// has none (`ESPIPE`).
pub(crate) fn read_at(fd: RawFd, buffer: &mut [u8], offset: Option<u64>) -> io::Result<usize> {
    let (start, length) = (buffer.as_mut_ptr().cast(), buffer.len());
    at_or_next(offset, |offset| match offset {
        // SAFETY: the kernel writes at most `length` bytes, which are borrowed for that.
        Some(offset) => unsafe { libc::pread64(fd, start, length, offset) },
        // SAFETY: as above.
        None => unsafe { libc::read(fd, start, length) },
    })
}

/// Writes to a place, or to where the next byte goes, likewise.
pub(crate) fn write_at(fd: RawFd, bytes: &[u8], offset: Option<u64>) -> io::Result<usize> {
    let (start, length) = (bytes.as_ptr().cast(), bytes.len());
    at_or_next(offset, |offset| match offset {
        // SAFETY: the kernel reads at most `length` bytes, which are borrowed for that.
        Some(offset) => unsafe { libc::pwrite64(fd, start, length, offset) },
        // SAFETY: as above.
        None => unsafe { libc::write(fd, start, length) },
    })
}

fn at_or_next(offset: Option<u64>, call: impl Fn(Option<i64>) -> isize) -> io::Result<usize> {
    let ended = match check(call(offset.map(|offset| offset as i64)) as i64) {
        Err(error) if error.raw_os_error() == Some(libc::ESPIPE) => check(call(None) as i64),
        ended => ended,
    };
    ended.map(|moved| moved as usize)
}

/// Whether reads and writes of an open file go past the page cache (`O_DIRECT`), as it is now.
pub(crate) fn is_direct(file: &impl AsFd) -> bool {
    // SAFETY: a call without pointers.
    let flags = unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_GETFL) };
    flags >= 0 && flags & libc::O_DIRECT != 0
}
