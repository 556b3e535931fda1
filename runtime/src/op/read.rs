//! Read from a file, a pipe or a terminal, into one owned buffer or several.

use super::message::Scatter;
use super::recv::{MAX_LENGTH, Received};
use super::{Answer, Op, Operation};
use crate::buf::{BufResult, IoBufMut};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, NEXT, Request};

/// Reads from a place in a file; or what comes next of a pipe, a terminal, or a file at its place.
#[derive(Debug)]
pub(crate) struct Read<B> {
    on: Target,
    buffer: B,
    /// Bytes at its start that stay.
    skip: usize,
    /// See [`NEXT`].
    offset: u64,
    /// The kernel does not tell in advance whether it would stop the thread.
    on_worker: bool,
}

impl<B: IoBufMut> Read<B> {
    /// Reads what comes next, behind the first `skip` bytes of the buffer, which are initialised.
    pub(crate) fn next(on: impl Into<Target>, buffer: B, skip: usize, on_worker: bool) -> Op<Self> {
        Self::new(on.into(), buffer, skip, NEXT, on_worker)
    }

    /// Reads what is at `offset`, likewise.
    pub(crate) fn at(on: impl Into<Target>, buffer: B, skip: usize, offset: u64) -> Op<Self> {
        Self::new(on.into(), buffer, skip, offset, false)
    }

    fn new(on: Target, buffer: B, skip: usize, offset: u64, on_worker: bool) -> Op<Self> {
        assert!(skip <= buffer.io_len(), "no hole is left before what is read");
        Op::new(Self { on, buffer, skip, offset, on_worker })
    }

    fn room(&self) -> usize {
        self.buffer.io_capacity().saturating_sub(self.skip)
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBufMut`); the target is counted.
unsafe impl<B: IoBufMut> Operation for Read<B> {
    type Output = BufResult<Received, B>;

    const NAME: &'static str = "read";

    const NEEDS: &'static [Capability] = &[Capability::Read];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let length = self.room().min(MAX_LENGTH) as u32;
        let start = self.buffer.io_ptr_mut().wrapping_add(self.skip);
        let (on, offset, on_worker) = (self.on.raw(), self.offset, self.on_worker);
        Some(Request::Read { on, start, length, offset, on_worker })
    }

    fn complete(mut self, answer: Answer) -> Self::Output {
        let result = answer.result.map(|length| {
            let length = length as usize;
            assert!(length <= self.room(), "the kernel read what it was asked");
            // SAFETY: the kernel has written so many bytes, and they fit; those before them were
            // initialised.
            unsafe { self.buffer.set_init(self.skip + length) };
            Received { length, more: false }
        });
        (result, self.buffer)
    }
}

/// Reads from a place in a file into several buffers, one after the other.
#[derive(Debug)]
pub(crate) struct ReadEachAt<L> {
    on: Target,
    buffers: L,
    parts: Vec<libc::iovec>,
    offset: u64,
}

impl<L: Scatter> ReadEachAt<L> {
    pub(crate) fn new(on: impl Into<Target>, buffers: L, offset: u64) -> Op<Self> {
        Op::new(Self { on: on.into(), buffers, parts: Vec::new(), offset })
    }
}

// SAFETY: the parts are on the heap, and so is what they name (`Scatter`); the target is counted.
unsafe impl<L: Scatter> Operation for ReadEachAt<L> {
    type Output = BufResult<usize, L>;

    const NAME: &'static str = "readv";

    const NEEDS: &'static [Capability] = &[Capability::ReadEach];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        self.buffers.room(&mut self.parts);
        let (parts, count) = (self.parts.as_ptr(), self.parts.len() as u32);
        Some(Request::ReadEach { on: self.on.raw(), parts, count, offset: self.offset })
    }

    fn complete(mut self, answer: Answer) -> Self::Output {
        let result = answer.result.map(|length| {
            let length = length as usize;
            // SAFETY: the kernel has written so many bytes, from the start of what it was lent.
            unsafe { self.buffers.set_received(length) };
            length
        });
        (result, self.buffers)
    }
}
