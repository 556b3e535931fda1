//! What is asked of an open file past the ring, because no ring has it, or because it never waits.

use super::check;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

/// What is known of an open file here: no server is asked, as one may have to be otherwise.
fn look(file: &impl AsFd, mask: u32) -> io::Result<libc::statx> {
    const FLAGS: i32 = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    let fd = file.as_fd().as_raw_fd();
    let mut found = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the empty path ends with a zero, and the kernel writes one such structure, for which
    // there is room.
    let result = unsafe { libc::statx(fd, c"".as_ptr(), FLAGS, mask, found.as_mut_ptr()) };
    check(result.into())?;
    // SAFETY: it was zeroed, and any bytes are a value.
    Ok(unsafe { found.assume_init() })
}

/// What kind of file this is, such as `S_IFIFO`.
pub(crate) fn file_type(file: &impl AsFd) -> io::Result<u32> {
    Ok(u32::from(look(file, libc::STATX_TYPE)?.stx_mode) & libc::S_IFMT)
}

/// The length of a file, as far as it is known; zero of what has none, such as a pipe.
pub(crate) fn length(file: &impl AsFd) -> io::Result<u64> {
    Ok(look(file, libc::STATX_SIZE)?.stx_size)
}

/// The mount that a file is on, by its number in the [`MountTable`](super::MountTable).
pub(crate) fn mount(file: &impl AsFd) -> io::Result<u64> {
    Ok(look(file, libc::STATX_MNT_ID)?.stx_mnt_id)
}

/// Takes or gives back the lock of an open file, as of flock(2).
pub(crate) fn lock_file(file: &impl AsFd, operation: libc::c_int) -> io::Result<()> {
    // SAFETY: a call without pointers.
    let result = unsafe { libc::flock(file.as_fd().as_raw_fd(), operation) };
    check(result.into()).map(drop)
}

/// What is looked for in a file that may have holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whence {
    Data,
    Hole,
}

/// Where the next data or hole begins, not before `offset`; `None` behind the last.
pub(crate) fn seek(file: &impl AsFd, offset: u64, to: Whence) -> io::Result<Option<u64>> {
    let whence = match to {
        Whence::Data => libc::SEEK_DATA,
        Whence::Hole => libc::SEEK_HOLE,
    };
    let Ok(offset) = i64::try_from(offset) else { return Ok(None) };
    // SAFETY: a call without pointers.
    let found = unsafe { libc::lseek64(file.as_fd().as_raw_fd(), offset, whence) };
    match check(found) {
        Ok(found) => Ok(Some(found as u64)),
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Ok(None),
        Err(error) => Err(error),
    }
}
