//! `UCred`: who is at the other end of a Unix socket.

/// A process, its user and its group, from [`UnixStream::peer_cred`] and
/// [`UnixMessage::credentials`].
///
/// # Examples
///
/// See [`UnixStream`].
///
/// [`UnixStream`]: super::UnixStream
/// [`UnixStream::peer_cred`]: super::UnixStream::peer_cred
/// [`UnixMessage::credentials`]: super::UnixMessage::credentials
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UCred {
    /// The process; `None` if this process's namespace has no number for it.
    pub pid: Option<u32>,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

impl UCred {
    /// As the kernel tells it.
    pub(super) fn new(pid: libc::pid_t, uid: libc::uid_t, gid: libc::gid_t) -> Self {
        // Zero: of another namespace, where it has no number in this one.
        Self { pid: u32::try_from(pid).ok().filter(|pid| *pid > 0), uid, gid }
    }
}
