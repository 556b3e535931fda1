//! Processes by descriptor, which no other process can come to stand for.

use super::check;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// A descriptor of a child that was not reaped; it is closed in programs that are started.
pub(crate) fn open_process(child: u32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, child, 0) })?;
    // SAFETY: the kernel has made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Sends a signal to a process.
pub(crate) fn signal_process(process: &impl AsFd, signal: i32) -> io::Result<()> {
    let fd = process.as_fd().as_raw_fd();
    let information = ptr::null::<libc::siginfo_t>();
    // SAFETY: without a pointer to more of it, the kernel makes the information as for kill(2).
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, information, 0) };
    check(result).map(drop)
}

/// Sends a signal to all processes of a group, whose leader was not reaped.
pub(crate) fn signal_group(leader: u32, signal: i32) -> io::Result<()> {
    // SAFETY: no pointers are passed.
    let result = unsafe { libc::killpg(leader as libc::pid_t, signal) };
    check(result.into()).map(drop)
}

/// The process group of this process.
///
/// # Errors
///
/// The group is of another PID namespace, where it has a number and here none.
pub(crate) fn own_group() -> io::Result<libc::pid_t> {
    // SAFETY: no pointers are passed.
    match unsafe { libc::getpgrp() } {
        0 => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the process group of this process is outside of its PID namespace, so that none can \
             be started in it after one in a group of its own: make another command",
        )),
        group => Ok(group),
    }
}
