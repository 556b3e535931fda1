//! A pipe of the kernel's, through which bytes go into a socket, from another one or a file:
//! `splice(2)`.

use super::check;
use libc::c_int;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;

/// A pipe, and how much is in it.
#[derive(Debug)]
pub(crate) struct Pipe {
    reader: OwnedFd,
    writer: OwnedFd,
    held: usize,
    capacity: usize,
}

impl Pipe {
    /// A pipe for so many bytes; for fewer, if this user has too much in pipes already.
    pub(crate) fn new(size: usize) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let writer = OwnedFd::from(writer);
        // SAFETY: a number is passed, and a descriptor that is open.
        let sized = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, size as c_int) };
        // SAFETY: as above, without the number.
        let unsized_ = || unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_GETPIPE_SZ) };
        let capacity = check(sized.into()).or_else(|_| check(unsized_().into()))? as usize;
        Ok(Self { reader: reader.into(), writer, held: 0, capacity })
    }

    /// Bytes that it has room for, at most.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Moves what a socket has into the pipe, which is empty. Zero is the end; or data that only a
    /// receive can take, which is urgent.
    pub(crate) fn fill(&mut self, from: BorrowedFd<'_>) -> io::Result<usize> {
        debug_assert!(self.is_empty(), "a full pipe would look like a socket without data");
        self.held = splice(from, self.writer.as_fd(), self.capacity)?;
        Ok(self.held)
    }

    /// The end to have a part of a file moved into, and the room there is, all of which counts as
    /// taken until [`set_held`](Self::set_held).
    pub(crate) fn lend(&mut self) -> (RawFd, usize) {
        self.held = self.capacity;
        (self.writer.as_raw_fd(), self.capacity)
    }

    /// So much has come into the pipe, which was empty.
    pub(crate) fn set_held(&mut self, length: usize) {
        self.held = length;
    }

    /// Moves what is in the pipe, or a part, into a socket.
    pub(crate) fn drain(&mut self, to: BorrowedFd<'_>) -> io::Result<usize> {
        let moved = splice(self.reader.as_fd(), to, self.held)?;
        self.held -= moved;
        Ok(moved)
    }
}

impl AsMut<Self> for Pipe {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, length: usize) -> io::Result<usize> {
    let (from, to) = (from.as_raw_fd(), to.as_raw_fd());
    let flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    // SAFETY: both are open, and there are no offsets.
    let moved = unsafe { libc::splice(from, ptr::null_mut(), to, ptr::null_mut(), length, flags) };
    check(moved as i64).map(|moved| moved as usize)
}

/// Has calls on what is open not wait (`O_NONBLOCK`), or wait.
pub(crate) fn set_nonblocking(file: &impl AsFd, on: bool) -> io::Result<()> {
    let mut value = c_int::from(on);
    let fd = file.as_fd().as_raw_fd();
    // SAFETY: the kernel reads one number, from where it is.
    let result = unsafe { libc::ioctl(fd, libc::FIONBIO, &raw mut value) };
    check(result.into()).map(drop)
}

/// Sockets whose calls do not wait, while this lives.
///
/// The flag of `splice` is for the pipe alone: for a socket, that of its descriptor counts. It is
/// set for this long only: whatever gets the descriptor later expects calls that wait, and so do
/// some operations of the ring.
#[derive(Debug)]
pub(crate) struct NonBlocking<'a, const N: usize>([BorrowedFd<'a>; N]);

impl<'a, const N: usize> NonBlocking<'a, N> {
    pub(crate) fn new(sockets: [BorrowedFd<'a>; N]) -> io::Result<Self> {
        let this = Self(sockets);
        this.set(true)?;
        Ok(this)
    }

    fn set(&self, on: bool) -> io::Result<()> {
        self.0.iter().try_for_each(|socket| set_nonblocking(socket, on))
    }
}

impl<const N: usize> Drop for NonBlocking<'_, N> {
    fn drop(&mut self) {
        // Of what is open, and was set before.
        let _ = self.set(false);
    }
}

/// Whether the signal that a broken connection raises is ignored. A `splice` has no flag against
/// it, as a send has.
pub(crate) fn ignores_sigpipe() -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the kernel writes one such structure, for which there is room, and reads none.
    let result = unsafe { libc::sigaction(libc::SIGPIPE, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: the call has succeeded, so it was written.
    result == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}
