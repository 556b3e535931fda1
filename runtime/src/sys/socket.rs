//! Options of sockets that no crate offers.

use super::check;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Sets an option that is a number.
pub(crate) fn set_option(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let fd = socket.as_fd().as_raw_fd();
    let (start, length) = ((&raw const value).cast(), size_of_val(&value) as libc::socklen_t);
    // SAFETY: the kernel reads one number, from where it is.
    let result = unsafe { libc::setsockopt(fd, level, name, start, length) };
    check(result.into()).map(drop)
}

/// Reads an option that is a number.
pub(crate) fn option(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<libc::c_int> {
    let fd = socket.as_fd().as_raw_fd();
    let mut value: libc::c_int = 0;
    let mut length = size_of_val(&value) as libc::socklen_t;
    let start = (&raw mut value).cast();
    // SAFETY: the kernel writes one number at most, for which there is room.
    let result = unsafe { libc::getsockopt(fd, level, name, start, &raw mut length) };
    check(result.into())?;
    Ok(value)
}

/// The process at the other end of a local connection, its user and its group, as of the time when
/// the connection was made (`SO_PEERCRED`).
pub(crate) fn peer_cred(socket: &impl AsFd) -> io::Result<libc::ucred> {
    let fd = socket.as_fd().as_raw_fd();
    let mut peer = libc::ucred { pid: 0, uid: 0, gid: 0 };
    let mut length = size_of_val(&peer) as libc::socklen_t;
    let start = (&raw mut peer).cast();
    // SAFETY: the kernel writes one such structure, for which there is room.
    let result = unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PEERCRED, start, &raw mut length)
    };
    check(result.into())?;
    Ok(peer)
}
