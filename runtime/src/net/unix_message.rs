//! `UnixMessage`: a message of a Unix socket, with the descriptors that came along.

use super::unread_datagrams::Told;
use super::{UCred, unix_addr};
use crate::buf::IoBuf;
use crate::op::{Control, MOST_FDS};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::SocketAddr;

/// What `recv_msg` of [`UnixStream`](super::UnixStream), [`UnixDatagram`](super::UnixDatagram) and
/// [`UnixSeqpacket`](super::UnixSeqpacket) tells of what came.
///
/// The descriptors belong to it: those that are not taken out are closed when it is dropped.
///
/// # Examples
///
/// See [`UnixDatagram::send_msg`](super::UnixDatagram::send_msg).
#[derive(Debug)]
#[non_exhaustive]
pub struct UnixMessage {
    /// Bytes of it that are in the buffer.
    pub length: usize,
    /// Where it came from, if that has a name; what is connected has none here.
    pub from: SocketAddr,
    /// Whether it was longer than the buffer: the rest of it is lost. Of a stream nothing is.
    pub truncated: bool,
    /// The descriptors that were passed along. They close on exec.
    pub fds: Vec<OwnedFd>,
    /// Who has sent it, after `set_passcred` of this socket or the sender's, as the kernel knows
    /// it.
    pub credentials: Option<UCred>,
    /// Whether more came along than there was room for, such as further descriptors: those are
    /// closed. Also if this process may open no more.
    pub control_truncated: bool,
}

impl UnixMessage {
    /// What came, with at most so many descriptors: the others are closed.
    pub(super) fn new(told: Told, most_fds: usize) -> io::Result<Self> {
        let Told { length, from, truncated, control } = told;
        let from = from.map_or_else(unix_addr::unnamed, unix_addr::from_kernel)?;
        Ok(Self { from, truncated, ..Self::of_stream(length, control, most_fds)? })
    }

    /// What came on a stream, whose bytes are its peer's; likewise.
    pub(super) fn of_stream(
        length: usize,
        mut control: Control,
        most_fds: usize,
    ) -> io::Result<Self> {
        let came = control.fds.len();
        // The kernel fills all of the room with them, also what was meant for credentials.
        let fds = control.fds.drain(..came.min(most_fds)).collect();
        Ok(Self {
            length,
            from: unix_addr::unnamed()?,
            truncated: false,
            fds,
            credentials: control.credentials.map(|(pid, uid, gid)| UCred::new(pid, uid, gid)),
            control_truncated: control.truncated || came > most_fds,
        })
    }
}

/// Refuses more descriptors than one message can have.
pub(super) fn check_number<F>(fds: &[F]) -> io::Result<()> {
    let (given, most) = (fds.len(), MOST_FDS);
    if given <= most {
        return Ok(());
    }
    let text = format!("{given} descriptors do not go with one message: send at most {most}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

/// As [`check_number`], and refuses descriptors without bytes: a stream would lose them.
pub(super) fn check_bytes<F>(buffer: &impl IoBuf, fds: &[F]) -> io::Result<()> {
    if fds.is_empty() || buffer.io_len() > 0 {
        return check_number(fds);
    }
    let text = "descriptors go along with bytes, and the buffer has none: send at least one";
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}
