//! Streams for code that polls: what does not wait, and what waits and takes nothing.

use super::connection::Inner;
use super::{TcpStream, UnixStream};
use crate::sys::Space;
use std::future::Future;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

/// For code that polls, and for buffers that are only borrowed. A call that does not wait says
/// `WouldBlock` instead; one that waits takes nothing, so nothing is lost when it is dropped. They
/// can be mixed with calls that own their buffers: bytes that a dropped read has left come first.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// use std::io::ErrorKind;
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, _) = listener.accept().await?;
///     let mut buffer = [0; 16]; // on the stack: it is lent to no kernel
///     assert_eq!(server.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
///     client.writable().await?;
///     assert_eq!(client.try_write(b"hello")?, 5);
///     server.readable().await?;
///     assert_eq!(server.try_read(&mut buffer)?, 5);
///     Ok(())
/// })
/// # }
/// ```
impl TcpStream {
    /// Receives what is there, without waiting. Zero is the end of the stream, or an empty buffer.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing is there, or if a read that was dropped is still with the kernel:
    /// what it receives comes first. Or the connection broke.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream().try_read(&mut Space::from(buffer))
    }

    /// Sends as much as there is room for, without waiting; tells how much that was.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room. Or the connection broke (never a signal).
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        self.stream().try_write(buffer)
    }

    /// Sends from several buffers, one after the other, as [`try_write`](Self::try_write). Of more
    /// than 1024 buffers, only those are looked at.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream().try_write_vectored(buffers)
    }

    /// Waits until something can be read: bytes, the end of the stream, or an error.
    ///
    /// # Errors
    ///
    /// The wait was cancelled.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.stream().readable()
    }

    /// Waits until there is room for a write, or the connection is broken. The kernel says so when
    /// a good part of its buffer is free, so a write may find room before.
    ///
    /// # Errors
    ///
    /// The wait was cancelled.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> {
        self.stream().writable()
    }

    /// [`readable`](Self::readable) for code that polls. The stream keeps the wait, and wakes the
    /// task of the last poll; each direction has its own. It is ready once for each wait: then try.
    ///
    /// # Cancellation
    ///
    /// The wait belongs to the scope that has polled last: it is cancelled with that. When the
    /// scope closes, or the stream is dropped, it ends; so it holds no nursery open.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read_ready(cx)
    }

    /// [`writable`](Self::writable) for code that polls: see
    /// [`poll_read_ready`](Self::poll_read_ready).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_write_ready(cx)
    }

    /// [`try_read`](Self::try_read) that waits until it can. It makes a system call when one is
    /// likely to bring something; else it waits first, as
    /// [`poll_read_ready`](Self::poll_read_ready).
    ///
    /// # Errors
    ///
    /// The errors of the attempt, and of the wait.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_read(cx, &mut Space::from(buffer))
    }

    /// [`try_write`](Self::try_write) that waits until it can, likewise.
    ///
    /// # Errors
    ///
    /// The errors of the attempt, and of the wait.
    pub fn poll_write(&self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, buffer)
    }

    /// [`try_write_vectored`](Self::try_write_vectored) that waits until it can, likewise.
    ///
    /// # Errors
    ///
    /// The errors of the attempt, and of the wait.
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, buffers)
    }

    /// Ends the direction that writes: the peer reads to the end of what was sent. Does not wait,
    /// but takes part in the budget of the turn, and is a drop point in a cancelled task. That the
    /// connection is gone already is no error.
    ///
    /// # Errors
    ///
    /// None in practice; whatever `shutdown(2)` says.
    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

/// For code that polls: see the same calls of [`TcpStream`].
impl UnixStream {
    /// See [`TcpStream::try_read`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner().try_read(&mut Space::from(buffer))
    }

    /// See [`TcpStream::try_write`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_write(&self, buffer: &[u8]) -> io::Result<usize> {
        self.inner().try_write(buffer)
    }

    /// See [`TcpStream::try_write_vectored`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner().try_write_vectored(buffers)
    }

    /// See [`TcpStream::readable`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.inner().readable()
    }

    /// See [`TcpStream::writable`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn writable(&self) -> impl Future<Output = io::Result<()>> {
        self.inner().writable()
    }

    /// See [`TcpStream::poll_read_ready`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_read_ready(cx)
    }

    /// See [`TcpStream::poll_write_ready`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_write_ready(cx)
    }

    /// See [`TcpStream::poll_read`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.inner().poll_read(cx, &mut Space::from(buffer))
    }

    /// See [`TcpStream::poll_write`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_write(&self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.inner().poll_write(cx, buffer)
    }

    /// See [`TcpStream::poll_write_vectored`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.inner().poll_write_vectored(cx, buffers)
    }

    /// See [`TcpStream::poll_shutdown`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner().poll_shutdown(cx)
    }
}
