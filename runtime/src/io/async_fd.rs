//! `AsyncFd`: waits on a descriptor of any kind.

use crate::fd::SharedFd;
use crate::op::{PollOp, Readiness};
use crate::ring::Interest;
use crate::sys;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};

/// Waits until a descriptor is ready that is no socket of this library: an event counter, a timer
/// of the kernel's, inotify, a C library's connection. What reads and writes is the caller's code.
///
/// The wait is on a duplicate of the descriptor, so that a number which was closed is never waited
/// on. The file itself stays open until the `AsyncFd` is dropped as well. Regular files are always
/// ready.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::io::{AsyncFd, Interest};
/// use std::io::{PipeReader, Read, Write};
/// nestling_runtime::block_on(async {
///     let (reader, mut writer) = std::io::pipe()?;
///     let reader = AsyncFd::new(reader)?;
///     let read = |mut from: &PipeReader| from.read(&mut [0; 16]);
///     assert!(reader.try_io(Interest::Readable, read).is_err()); // it would block
///     writer.write_all(b"hello")?;
///     assert_eq!(reader.async_io(Interest::Readable, read).await?, 5);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct AsyncFd<T> {
    inner: T,
    fd: SharedFd,
    read: Readiness,
    write: Readiness,
}

impl<T: AsFd> AsyncFd<T> {
    /// Takes what has a descriptor; its mode does not matter.
    ///
    /// # Errors
    ///
    /// No more descriptors can be opened.
    pub fn new(inner: T) -> io::Result<Self> {
        let fd = SharedFd::new(inner.as_fd().try_clone_to_owned()?);
        Ok(Self { inner, fd, read: Readiness::default(), write: Readiness::default() })
    }
}

impl<T> AsyncFd<T> {
    /// What was given to [`new`](Self::new).
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// As [`get_ref`](Self::get_ref), to be changed. Another descriptor in its place would not be
    /// waited on.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Gives back what was given to [`new`](Self::new).
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// Waits until something can be read, or the other end is gone, or there is an error.
    ///
    /// # Cancellation
    ///
    /// Takes nothing, so nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// The wait was cancelled, or the descriptor cannot be waited on.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::Readable).await
    }

    /// Waits until something can be written: see [`readable`](Self::readable).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::Writable).await
    }

    /// Waits for either, as [`readable`](Self::readable) and [`writable`](Self::writable).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn ready(&self, interest: Interest) -> io::Result<()> {
        PollOp::new(self.fd.clone(), interest).await
    }

    /// [`readable`](Self::readable) for code that polls. The wait is kept here, and the task of the
    /// last poll is woken; each direction has its own. It is ready once for each wait: then try.
    ///
    /// # Cancellation
    ///
    /// The wait belongs to the scope that has polled last: it is cancelled with that. When the
    /// scope closes, or this is dropped, the wait ends; so it holds no nursery open.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.read.poll(&self.fd, Interest::Readable, cx)
    }

    /// [`writable`](Self::writable) for code that polls: see
    /// [`poll_read_ready`](Self::poll_read_ready).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write.poll(&self.fd, Interest::Writable, cx)
    }

    /// Calls `attempt` if the descriptor is ready, which is asked first (`poll(2)`): so a call that
    /// may block does not hold the core, unless other code was faster.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the descriptor is not ready. Else what `attempt` says.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        attempt: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        if !sys::is_ready(&self.fd, interest == Interest::Writable)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        attempt(&self.inner)
    }

    /// Waits until the descriptor is ready, and calls `attempt`; both again for as long as that
    /// says `WouldBlock`.
    ///
    /// # Cancellation
    ///
    /// Waits for nothing after `attempt` was done, so nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// As [`readable`](Self::readable), and what `attempt` says.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        mut attempt: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            self.ready(interest).await?;
            match attempt(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}

impl<T: AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: AsRawFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}
