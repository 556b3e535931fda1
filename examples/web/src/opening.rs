//! `Opening`: a connection of which the first bytes have come, and tell the version of HTTP.

use bytes::Bytes;
use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// What a client with HTTP/2 sends first. No request of HTTP/1 is like it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Reads begin with what came first.
pub(crate) struct Opening<I> {
    io: I,
    first: Bytes,
}

impl<I: Read + Unpin> Opening<I> {
    /// Waits until the client has sent the preface of HTTP/2, something else, or its end.
    ///
    /// # Errors
    ///
    /// The connection broke.
    pub(crate) async fn of(mut io: I) -> io::Result<Self> {
        let mut bytes = [0; PREFACE.len()];
        let mut first = ReadBuf::new(&mut bytes);
        poll_fn(|cx| {
            loop {
                let length = first.filled().len();
                if length == PREFACE.len() || !PREFACE.starts_with(first.filled()) {
                    return Poll::Ready(Ok(()));
                }
                ready!(Pin::new(&mut io).poll_read(cx, first.unfilled()))?;
                if first.filled().len() == length {
                    return Poll::Ready(io::Result::Ok(()));
                }
            }
        })
        .await?;
        Ok(Self { io, first: Bytes::copy_from_slice(first.filled()) })
    }

    /// Whether the client has gone without a word.
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    pub(crate) fn is_http2(&self) -> bool {
        self.first == PREFACE
    }
}

impl<I: Read + Unpin> Read for Opening<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let length = self.first.len().min(buffer.remaining());
        buffer.put_slice(&self.first.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<I: Write + Unpin> Write for Opening<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
