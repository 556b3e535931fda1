//! `Space`: memory that is lent for the length of a call, to be filled from its start.

use socket2::{SockAddr, SockRef};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;

/// Space for bytes. It may be initialised or not; nothing but bytes is written to it, so what was
/// initialised stays so.
#[derive(Debug)]
pub(crate) struct Space<'a>(&'a mut [MaybeUninit<u8>]);

impl<'a> From<&'a mut [MaybeUninit<u8>]> for Space<'a> {
    fn from(space: &'a mut [MaybeUninit<u8>]) -> Self {
        Self(space)
    }
}

impl<'a> From<&'a mut [u8]> for Space<'a> {
    fn from(buffer: &'a mut [u8]) -> Self {
        let length = buffer.len();
        // SAFETY: the same layout and the same borrow; and this type writes nothing but bytes, so
        // the buffer stays initialised.
        Self(unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast(), length) })
    }
}

impl Space<'_> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Fills it from its start. Tells how many bytes there were, or was room for.
    pub(crate) fn fill(&mut self, bytes: impl Iterator<Item = u8>) -> usize {
        self.0.iter_mut().zip(bytes).map(|(place, byte)| place.write(byte)).count()
    }

    /// Receives what a socket has, without waiting (`MSG_DONTWAIT`).
    pub(crate) fn recv(&mut self, socket: &impl AsFd) -> io::Result<usize> {
        // `socket2` promises not to write uninitialised bytes.
        SockRef::from(socket).recv_with_flags(self.0, libc::MSG_DONTWAIT)
    }

    /// As [`recv`](Self::recv), and tells where the bytes came from.
    pub(crate) fn recv_from(&mut self, socket: &impl AsFd) -> io::Result<(usize, SockAddr)> {
        SockRef::from(socket).recv_from_with_flags(self.0, libc::MSG_DONTWAIT)
    }
}
