//! The traits of hyper for streams and their halves (feature `hyper`).
//!
//! A flush is done at once, because sockets keep nothing back; a shutdown ends the direction that
//! writes. A receive fills memory that was never initialised.

use crate::net::{Stream, traits_of_others};
use crate::sys::Space;
use ::hyper::rt::{Read, ReadBufCursor, Write};
use std::io;
use std::task::{Context, Poll, ready};

fn read(
    stream: &Stream,
    cx: &mut Context<'_>,
    mut buffer: ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: a space is filled with bytes only, so what was initialised stays so.
    let space = unsafe { buffer.as_mut() };
    let length = ready!(stream.poll_read(cx, &mut Space::from(space)))?;
    // SAFETY: so many bytes were received, to the start of that.
    unsafe { buffer.advance(length) };
    Poll::Ready(Ok(()))
}

traits_of_others! {
    Read: read, ReadBufCursor<'_> => ();
    Write: poll_shutdown, { fn is_write_vectored(&self) -> bool { true } }
}
