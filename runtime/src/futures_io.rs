//! The traits of futures for streams and their halves (feature `futures-io`).
//!
//! A flush is done at once, because sockets keep nothing back; a close ends the direction that
//! writes.

use crate::net::{Stream, traits_of_others};
use crate::sys::Space;
use ::futures_io::{AsyncRead, AsyncWrite};
use std::io;
use std::task::{Context, Poll};

fn read(stream: &Stream, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    stream.poll_read(cx, &mut Space::from(buffer))
}

traits_of_others! {
    AsyncRead: read, &mut [u8] => usize;
    AsyncWrite: poll_close, {}
}
