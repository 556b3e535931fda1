//! The traits of futures for streams and their halves (feature `futures-io`).
//!
//! A flush is done at once, because sockets keep nothing back; a close ends the direction that
//! writes.

use crate::net::{
    Connection, OwnedReadHalf, OwnedWriteHalf, ReadHalf, Reads, TcpStream, UnixStream, WriteHalf,
    Writes,
};
use crate::sys::Space;
use crate::yield_now::poll_proceed;
use ::futures_io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Types that differ in nothing but their names.
macro_rules! reads {
    ($([$($of:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($of)*> AsyncRead for $type {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                self.reads().poll_read(cx, &mut Space::from(buffer))
            }
        }
    )+};
}

/// The same.
macro_rules! writes {
    ($([$($of:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($of)*> AsyncWrite for $type {
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

            fn poll_flush(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                poll_proceed(cx).map(Ok)
            }

            fn poll_close(
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
