//! What is done with files past the ring: because no ring has it, or because it does not wait, as
//! with what is in the kernel's caches.

use super::check;
use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

/// What is known of an open file here. Most file systems then ask no server; 9p does, and CIFS
/// waits for what was written if the length is asked for.
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

/// What is known of an open file here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// What kind of file it is, such as `S_IFIFO`; zero of what has none, such as an eventfd.
    pub(crate) kind: u32,
    /// The mount that it is on, by its number in the [`MountTable`](super::MountTable).
    pub(crate) mount: u64,
}

impl Known {
    /// What statx(2) is to be asked for.
    pub(crate) const MASK: u32 = libc::STATX_TYPE | libc::STATX_MNT_ID;

    pub(crate) fn of(found: &libc::statx) -> Self {
        let kind = u32::from(found.stx_mode) & libc::S_IFMT;
        Self { kind, mount: found.stx_mnt_id }
    }
}

pub(crate) fn known(file: &impl AsFd) -> io::Result<Known> {
    look(file, Known::MASK).map(|found| Known::of(&found))
}

/// The same, and the length, for one call.
pub(crate) fn known_and_length(file: &impl AsFd) -> io::Result<(Known, u64)> {
    let found = look(file, Known::MASK | libc::STATX_SIZE)?;
    Ok((Known::of(&found), found.stx_size))
}

/// The length of a file, as far as it is known; zero of what has none, such as a pipe.
pub(crate) fn length(file: &impl AsFd) -> io::Result<u64> {
    Ok(look(file, libc::STATX_SIZE)?.stx_size)
}

/// Whether a file is in memory (tmpfs, memfd, huge pages): only such files have seals.
pub(crate) fn is_in_memory(file: &impl AsFd) -> bool {
    // SAFETY: a call without pointers.
    unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_GET_SEALS) >= 0 }
}

/// Whether a file is a pipe or a FIFO: no server is asked.
pub(crate) fn is_pipe(file: &impl AsFd) -> bool {
    // SAFETY: a call without pointers.
    unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_GETPIPE_SZ) >= 0 }
}

/// Opens what is at a path if the kernel has all of the path in its caches. It has no link of
/// `/proc` there, which lead anywhere.
pub(crate) fn open_cached(
    dir: RawFd,
    path: &CStr,
    (flags, mode, resolve): (u64, u64, u64),
) -> io::Result<OwnedFd> {
    let resolve = resolve | libc::RESOLVE_CACHED;
    // SAFETY: any bytes are a value.
    let mut how: libc::open_how = unsafe { MaybeUninit::zeroed().assume_init() };
    (how.flags, how.mode, how.resolve) = (flags, mode, resolve);
    let (number, size) = (libc::SYS_openat2, size_of::<libc::open_how>());
    // SAFETY: the path ends with a zero, and the kernel reads one structure of that size.
    let result = unsafe { libc::syscall(number, dir, path.as_ptr(), &raw const how, size) };
    let fd = check(result)? as RawFd;
    // SAFETY: the kernel made this descriptor, and nothing else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Appends what is in a file from `offset`, as far as the buffer has room and the page cache has
/// it: with nothing there it fails with `EAGAIN`, and a file system may not have such reads.
pub(crate) fn read_cached(
    file: &impl AsFd,
    buffer: &mut Vec<u8>,
    offset: u64,
) -> io::Result<usize> {
    let room = buffer.spare_capacity_mut();
    let part = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
    let (fd, offset) = (file.as_fd().as_raw_fd(), offset as i64);
    // SAFETY: the kernel writes at most as much as there is room for.
    let read = unsafe { libc::preadv2(fd, &raw const part, 1, offset, libc::RWF_NOWAIT) };
    let read = check(read as i64)? as usize;
    // SAFETY: so many bytes behind the old ones were written, and there was room.
    unsafe { buffer.set_len(buffer.len() + read) };
    Ok(read)
}

/// Closes a descriptor, and tells what `close(2)` says. It is gone in any case.
pub(crate) fn close(fd: OwnedFd) -> io::Result<()> {
    // SAFETY: it was owned, and is given up here.
    let result = unsafe { libc::close(fd.into_raw_fd()) };
    check(result.into()).map(drop)
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
