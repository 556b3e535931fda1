//! What a message is made of: its header, and one buffer or several.

use super::recv::MAX_LENGTH;
use crate::buf::{IoBuf, IoBufMut};
use socket2::{SockAddr, SockAddrStorage};

/// As many buffers as one call takes (`UIO_MAXIOV`); more are left for the next.
const MOST: usize = 1024;

/// A header with all that it points to, but for the bytes. Boxed by its owner: the kernel reads
/// and writes it until its answer.
#[derive(Debug)]
pub(super) struct Header {
    message: libc::msghdr,
    from: SockAddrStorage,
    to: Option<SockAddr>,
    parts: Vec<libc::iovec>,
}

impl Header {
    fn new(to: Option<SockAddr>) -> Box<Self> {
        let message = libc::msghdr {
            msg_name: std::ptr::null_mut(),
            msg_namelen: to.as_ref().map_or(0, SockAddr::len),
            msg_iov: std::ptr::null_mut(),
            msg_iovlen: 0,
            msg_control: std::ptr::null_mut(),
            msg_controllen: 0,
            msg_flags: 0,
        };
        Box::new(Self { message, from: SockAddrStorage::zeroed(), to, parts: Vec::new() })
    }

    /// Of a message that comes, from an address that is to be told if it is `named`.
    pub(super) fn incoming(named: bool) -> Box<Self> {
        let mut this = Self::new(None);
        this.message.msg_namelen = if named { this.from.size_of() } else { 0 };
        this
    }

    /// Of a message that goes to an address, or where the socket is connected.
    pub(super) fn outgoing(to: Option<SockAddr>) -> Box<Self> {
        Self::new(to)
    }

    /// The header, which points to these parts from now on. Valid while this stays in its box.
    pub(super) fn lend(&mut self, parts: Vec<libc::iovec>) -> *mut libc::msghdr {
        self.parts = parts;
        self.message.msg_name = match &self.to {
            Some(to) => to.as_ptr().cast_mut().cast(),
            None if self.message.msg_namelen > 0 => (&raw mut self.from).cast(),
            None => std::ptr::null_mut(),
        };
        self.message.msg_iov = self.parts.as_mut_ptr();
        self.message.msg_iovlen = self.parts.len() as _;
        &raw mut self.message
    }

    /// Whether the message was longer than its buffers.
    pub(super) fn is_truncated(&self) -> bool {
        self.message.msg_flags & libc::MSG_TRUNC != 0
    }

    /// The address that the message came from. Of a socket without a name there is none.
    pub(super) fn into_from(self) -> Option<SockAddr> {
        let length = self.message.msg_namelen;
        let is_told = length > 0 && length <= self.from.size_of();
        // SAFETY: the kernel has written an address of this length, within the storage.
        is_told.then(|| unsafe { SockAddr::new(self.from, length) })
    }
}

/// Memory that a message is sent from.
///
/// # Safety
///
/// The parts name initialised bytes, at addresses that do not change until this is dropped, also
/// when it is moved or leaked.
pub(crate) unsafe trait Gather: 'static {
    /// What comes first, and so on; at most [`MOST`].
    fn parts(&self) -> Vec<libc::iovec>;
}

/// Memory that a message is received into.
///
/// # Safety
///
/// As for [`Gather`], with writable bytes that nothing else reads or writes meanwhile.
pub(crate) unsafe trait Scatter: 'static {
    /// Where the first bytes go, and so on; at most [`MOST`].
    fn room(&mut self) -> Vec<libc::iovec>;

    /// Records that so many bytes were received.
    ///
    /// # Safety
    ///
    /// They were written to [`room`](Self::room), from its start.
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

fn to_send(buffer: &impl IoBuf) -> libc::iovec {
    libc::iovec { iov_base: buffer.io_ptr().cast_mut().cast(), iov_len: buffer.io_len() }
}

fn to_fill(buffer: &mut impl IoBufMut) -> libc::iovec {
    let iov_len = buffer.io_capacity();
    libc::iovec { iov_base: buffer.io_ptr_mut().cast(), iov_len }
}

/// The same, cut to what the kernel does in one call: it would refuse more.
fn limited(parts: impl Iterator<Item = libc::iovec>) -> Vec<libc::iovec> {
    let mut left = MAX_LENGTH;
    let mut parts: Vec<_> = parts.take(MOST).collect();
    for part in &mut parts {
        part.iov_len = part.iov_len.min(left);
        left -= part.iov_len;
    }
    parts
}

// SAFETY: the buffer's address is stable while it is owned (`IoBuf`).
unsafe impl<B: IoBuf> Gather for One<B> {
    fn parts(&self) -> Vec<libc::iovec> {
        limited([to_send(&self.0)].into_iter())
    }
}

// SAFETY: as for one.
unsafe impl<B: IoBuf> Gather for Each<B> {
    fn parts(&self) -> Vec<libc::iovec> {
        limited(self.0.iter().map(to_send))
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBufMut`).
unsafe impl<B: IoBufMut> Scatter for One<B> {
    fn room(&mut self) -> Vec<libc::iovec> {
        limited([to_fill(&mut self.0)].into_iter())
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
    fn room(&mut self) -> Vec<libc::iovec> {
        limited(self.0.iter_mut().map(to_fill))
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
