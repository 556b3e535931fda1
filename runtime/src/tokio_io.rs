//! The traits of tokio for streams and their halves (feature `tokio-io`).
//!
//! A flush is done at once, because sockets keep nothing back; a shutdown ends the direction that
//! writes. A receive fills memory that was never initialised.

use crate::net::{Stream, traits_of_others};
use crate::sys::Space;
use std::io;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

fn read(stream: &Stream, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
    // SAFETY: a space is filled with bytes only, so what was initialised stays so.
    let space = unsafe { buffer.unfilled_mut() };
    let length = ready!(stream.poll_read(cx, &mut Space::from(space)))?;
    // SAFETY: so many bytes were received, to the start of that.
    unsafe { buffer.assume_init(length) };
    buffer.advance(length);
    Poll::Ready(Ok(()))
}

traits_of_others! {
    AsyncRead: read, &mut ReadBuf<'_> => ();
    AsyncWrite: poll_shutdown, { fn is_write_vectored(&self) -> bool { true } }
}
