//! `PipeReader`: the end of a pipe that is read.

use super::source::Source;
use crate::buf::{BufResult, IoBufMut};
use socket2::SockRef;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;

/// The end of a pipe from which is read: of [`pipe`](super::pipe), of a child's output, or of a
/// [named pipe](Self::open).
///
/// # Examples
///
/// See [`pipe`](super::pipe), and for a child's output [`Child`](crate::process::Child).
#[derive(Debug)]
pub struct PipeReader {
    source: Source,
}

impl PipeReader {
    pub(crate) fn from_owned(fd: OwnedFd) -> Self {
        Self { source: Source::new(fd) }
    }

    pub(super) fn from_source(source: Source) -> Self {
        Self { source }
    }

    /// Reads into `buffer`, from its start, up to its capacity; tells how many bytes there were.
    /// Zero: every writer is gone, or the buffer has no capacity.
    ///
    /// # Cancellation
    ///
    /// Loses nothing: what is read for a future that was dropped goes to the next read of this
    /// reader, and only the buffer is lost. A read of a terminal that a thread of the kernel's has
    /// begun is interrupted.
    ///
    /// # Errors
    ///
    /// The read was cancelled; the limit of operations in flight.
    pub fn read<B: IoBufMut>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.source.read(buffer)
    }

    /// Reads to the end. What was read comes back in any case.
    ///
    /// # Cancellation
    ///
    /// As [`read`](Self::read): when the future is dropped, the next read gets all of it again.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), with what was read before. There is no limit to the memory: for a
    /// child that is not trusted, [`read`](Self::read) in a loop, and count.
    pub fn read_to_end(&self) -> impl Future<Output = BufResult<(), Vec<u8>>> {
        self.source.read_to_end()
    }

    /// Takes over a pipe of the standard library.
    pub fn from_std(reader: io::PipeReader) -> Self {
        Self::from_owned(reader.into())
    }

    /// Gives the pipe to the standard library, for example as the
    /// [`Stdio`](crate::process::Stdio) of a child.
    ///
    /// # Errors
    ///
    /// Bytes were read for a read that was dropped, or may still be: they would be lost. No
    /// descriptor is left for a duplicate, which is needed while a read is in flight.
    pub fn into_std(self) -> io::Result<io::PipeReader> {
        let fd = self.source.into_owned()?;
        // A named pipe was opened with `O_NONBLOCK`.
        SockRef::from(&fd).set_nonblocking(false)?;
        Ok(fd.into())
    }
}
