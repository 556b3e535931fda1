//! The bytes of a message: one buffer, or several.

use super::recv::MAX_LENGTH;
use crate::buf::{IoBuf, IoBufMut};
use std::os::fd::AsFd;

/// As many buffers as one call takes (`UIO_MAXIOV`); more are left for the next.
const MOST: usize = 1024;

/// Memory that a message is sent from.
///
/// # Safety
///
/// The parts name initialised bytes, at addresses that do not change until this is dropped, also
/// when it is moved or leaked.
pub(crate) unsafe trait Gather: 'static {
    /// Adds what comes first, and so on; at most [`MOST`].
    fn parts(&self, parts: &mut Vec<libc::iovec>);
}

/// Memory that a message is received into.
///
/// # Safety
///
/// As for [`Gather`], with writable bytes that nothing else reads or writes meanwhile.
pub(crate) unsafe trait Scatter: 'static {
    /// Adds where the first bytes go, and so on; at most [`MOST`].
    fn room(&mut self, parts: &mut Vec<libc::iovec>);

    /// Records that so many bytes were received.
    ///
    /// # Safety
    ///
    /// So many bytes were written to [`room`](Self::room), from its start.
    unsafe fn set_received(&mut self, length: usize);

    /// The first `length` bytes that were received, buffer by buffer.
    fn received(&self, length: usize) -> Vec<&[u8]>;
}

/// One buffer.
#[derive(Debug)]
pub(crate) struct One<B>(pub(crate) B);

/// Several buffers, one after the other.
#[derive(Debug)]
pub(crate) struct Each<B>(pub(crate) Vec<B>);

/// Buffers, and descriptors that are passed along with them: open until the kernel has answered.
#[derive(Debug)]
pub(crate) struct Passing<L, F> {
    pub(crate) bytes: L,
    pub(crate) fds: Vec<F>,
}

fn to_send(buffer: &impl IoBuf) -> libc::iovec {
    libc::iovec { iov_base: buffer.io_ptr().cast_mut().cast(), iov_len: buffer.io_len() }
}

fn to_fill(buffer: &mut impl IoBufMut) -> libc::iovec {
    let iov_len = buffer.io_capacity();
    libc::iovec { iov_base: buffer.io_ptr_mut().cast(), iov_len }
}

/// The parts of a message, cut to what the kernel does in one call: it would refuse more.
fn limited(parts: impl Iterator<Item = libc::iovec>) -> impl Iterator<Item = libc::iovec> {
    let mut left = MAX_LENGTH;
    parts.take(MOST).map(move |part| {
        let iov_len = part.iov_len.min(left);
        left -= iov_len;
        libc::iovec { iov_len, ..part }
    })
}

// SAFETY: the buffer's address is stable while it is owned (`IoBuf`).
unsafe impl<B: IoBuf> Gather for One<B> {
    fn parts(&self, parts: &mut Vec<libc::iovec>) {
        parts.extend(limited([to_send(&self.0)].into_iter()));
    }
}

// SAFETY: as for one.
unsafe impl<B: IoBuf> Gather for Each<B> {
    fn parts(&self, parts: &mut Vec<libc::iovec>) {
        parts.extend(limited(self.0.iter().map(to_send)));
    }
}

// SAFETY: as of the buffers; nothing points to the descriptors.
unsafe impl<L: Gather, F: AsFd + 'static> Gather for Passing<L, F> {
    fn parts(&self, parts: &mut Vec<libc::iovec>) {
        self.bytes.parts(parts);
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBufMut`).
unsafe impl<B: IoBufMut> Scatter for One<B> {
    fn room(&mut self, parts: &mut Vec<libc::iovec>) {
        parts.extend(limited([to_fill(&mut self.0)].into_iter()));
    }

    unsafe fn set_received(&mut self, length: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.0.set_init(length) };
    }

    fn received(&self, length: usize) -> Vec<&[u8]> {
        vec![&self.0.as_bytes()[..length]]
    }
}

// SAFETY: as for one.
unsafe impl<B: IoBufMut> Scatter for Each<B> {
    fn room(&mut self, parts: &mut Vec<libc::iovec>) {
        parts.extend(limited(self.0.iter_mut().map(to_fill)));
    }

    unsafe fn set_received(&mut self, mut length: usize) {
        for buffer in &mut self.0 {
            let part = length.min(buffer.io_capacity());
            // SAFETY: the caller's promise: the kernel fills one buffer after the other.
            unsafe { buffer.set_init(part) };
            length -= part;
        }
    }

    fn received(&self, mut length: usize) -> Vec<&[u8]> {
        let mut parts = Vec::new();
        for buffer in &self.0 {
            let part = length.min(buffer.io_capacity());
            parts.push(&buffer.as_bytes()[..part]);
            length -= part;
        }
        parts
    }
}
