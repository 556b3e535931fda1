//! The traits of hyper for streams and their halves (feature `hyper`).
//!
//! A flush is done at once, because sockets keep nothing back; a shutdown ends the direction that
//! writes. A receive fills memory that was never initialised.

use crate::net::{
    Connection, OwnedReadHalf, OwnedWriteHalf, ReadHalf, Reads, TcpStream, UnixStream, WriteHalf,
    Writes,
};
use crate::sys::Space;
use crate::yield_now::poll_proceed;
use ::hyper::rt::{Read, ReadBufCursor, Write};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

fn read(
    stream: &impl Reads,
    cx: &mut Context<'_>,
    mut buffer: ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: a space is filled with bytes only, so what was initialised stays so.
    let space = unsafe { buffer.as_mut() };
    let length = ready!(stream.reads().poll_read(cx, &mut Space::from(space)))?;
    // SAFETY: so many bytes were received, to the start of that.
    unsafe { buffer.advance(length) };
    Poll::Ready(Ok(()))
}

/// Types that differ in nothing but their names.
macro_rules! reads {
    ($([$($of:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($of)*> Read for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: ReadBufCursor<'_>,
            ) -> Poll<io::Result<()>> {
                read(&*self, cx, buffer)
            }
        }
    )+};
}

/// The same.
macro_rules! writes {
    ($([$($of:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($of)*> Write for $type {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.writes().poll_write(cx, buffer)
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.writes().poll_write_vectored(cx, buffers)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                poll_proceed(cx).map(Ok)
            }

            fn poll_shutdown(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.writes().poll_shutdown(cx)
            }
        }
    )+};
}

reads! {
    [] TcpStream,
    [] &TcpStream,
    [] UnixStream,
    [] &UnixStream,
    [S: Connection] ReadHalf<'_, S>,
    [S: Connection] OwnedReadHalf<S>,
}

writes! {
    [] TcpStream,
    [] &TcpStream,
    [] UnixStream,
    [] &UnixStream,
    [S: Connection] WriteHalf<'_, S>,
    [S: Connection] OwnedWriteHalf<S>,
}
