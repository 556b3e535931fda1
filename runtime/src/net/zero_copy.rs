//! `send_zc`: sends without a copy, and the buffer until the kernel is done with it.

use super::TcpStream;
use crate::buf::{BufResult, IoBuf};
use crate::op::Lending;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A buffer from which [`send_zc`](TcpStream::send_zc) has sent. The kernel reads it until
/// the peer has acknowledged the bytes; this future resolves then, and gives it back. To await each
/// buffer before the next send is to wait for the peer each time.
///
/// For large buffers that are not needed soon: to pin memory and to be told costs some 5 us of
/// CPU time, as much as to copy 32 KiB or more. Below that, [`write`](TcpStream::write) is
/// better, and so it is wherever [`was_copied`](Released::was_copied) is set each time. On loopback
/// it always is; measured there, 1 KiB costs 5 times as much as with a write, 16 KiB 2.7 times, and
/// 64 KiB 1.4 times. Local sockets cannot do it.
///
/// # Cancellation
///
/// The error is a cancellation, and the buffer is lost: the runtime keeps it for as long as the
/// kernel may read it. It does the same when this is dropped. No nursery waits for that, and a
/// runtime that ends before leaks the buffer.
///
/// # Errors
///
/// A cancellation; or `InvalidInput` in another runtime than the one that has sent it, to which the
/// kernel tells when it is done.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, _) = listener.accept().await?;
///     let (sent, in_flight) = client.send_zc(vec![7; 1000]).await;
///     let (read, _) = server.read_exact(vec![0; sent?]).await;
///     read?;
///     let released = in_flight.await?;
///     assert_eq!(released.buffer.len(), 1000);
///     assert!(released.was_copied, "as always on loopback");
///     Ok(())
/// })
/// # }
/// ```
#[must_use = "the buffer comes back when this is awaited"]
pub struct SentBuffer<B: IoBuf>(pub(super) Lending<B>);

/// A buffer that the kernel is done with.
///
/// # Examples
///
/// See [`SentBuffer`].
#[derive(Debug)]
pub struct Released<B> {
    /// What was sent from.
    pub buffer: B,
    /// Whether the kernel has copied the bytes after all, so that a plain write would have been
    /// cheaper: always on loopback, and where the hardware cannot collect what it sends. Also if
    /// nothing was sent.
    pub was_copied: bool,
}

impl TcpStream {
    /// Sends from the memory of `buffer`, without a copy where the hardware can (`MSG_ZEROCOPY`).
    /// Tells how many bytes the kernel took, and gives what the buffer comes back from; see there
    /// for when this pays: [`SentBuffer`].
    ///
    /// # Cancellation
    ///
    /// What was sent while the send is cancelled is reported. The runtime keeps a buffer in flight,
    /// also when this is dropped, for as long as the kernel may read it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); and when more memory is pinned than the system allows
    /// (`net.core.optmem_max`, `ulimit -l`): then `write` still works.
    pub async fn send_zc<B: IoBuf>(&self, buffer: B) -> BufResult<usize, SentBuffer<B>> {
        self.stream().send_zc(buffer).await
    }
}

impl<B: IoBuf + Unpin> Future for SentBuffer<B> {
    type Output = io::Result<Released<B>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let back = self.0.poll_back(cx);
        back.map_ok(|(buffer, was_copied)| Released { buffer, was_copied })
    }
}

impl<B: IoBuf> fmt::Debug for SentBuffer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Lending::Due { .. } => "SentBuffer(with the kernel)",
            Lending::Over(_) => "SentBuffer(released)",
        })
    }
}
