//! Read from a file, a pipe or a terminal, into one owned buffer or several.

use super::message::Scatter;
use super::recv::{MAX_LENGTH, Received};
use super::{Answer, At, Continue, Op, Operation};
use crate::buf::{BufResult, IoBufMut};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, NEXT, Request};

/// Reads from a place in a file; or what comes next of a pipe, a terminal, or a file at its place.
#[derive(Debug)]
pub(crate) struct ReadOp<B> {
    at: At,
    buffer: B,
    /// Bytes at its start that stay.
    skip: usize,
}

impl<B: IoBufMut> ReadOp<B> {
    /// Reads behind the first `skip` bytes of the buffer, which are initialised.
    pub(crate) fn new(at: At, buffer: B, skip: usize) -> Op<Self> {
        assert!(skip <= buffer.io_len(), "no hole is left before what is read");
        Op::new(Self { at, buffer, skip })
    }

    /// Reads what comes next, likewise.
    pub(crate) fn next(on: impl Into<Target>, buffer: B, skip: usize, on_worker: bool) -> Op<Self> {
        Self::new(At { on: on.into(), offset: NEXT, on_worker }, buffer, skip)
    }

    fn room(&self) -> usize {
        self.buffer.io_capacity().saturating_sub(self.skip)
    }
}

impl<B> Continue for ReadOp<B> {
    fn skip(&self) -> usize {
        self.skip
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBufMut`); the target is counted.
unsafe impl<B: IoBufMut> Operation for ReadOp<B> {
    type Output = BufResult<Received, B>;

    const NAME: &'static str = "read";

    const NEEDS: &'static [Capability] = &[Capability::Read];

    fn target(&self) -> Option<RawTarget> {
        Some(self.at.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let length = self.room().min(MAX_LENGTH) as u32;
        let start = self.buffer.io_ptr_mut().wrapping_add(self.skip);
        let At { ref on, offset, on_worker } = self.at;
        let on = on.quick();
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
    at: At,
    buffers: L,
    parts: Vec<libc::iovec>,
}

impl<L: Scatter> ReadEachAt<L> {
    pub(crate) fn new(at: At, buffers: L) -> Op<Self> {
        Op::new(Self { at, buffers, parts: Vec::new() })
    }
}

// SAFETY: the parts are on the heap, and so is what they name (`Scatter`); the target is counted.
unsafe impl<L: Scatter> Operation for ReadEachAt<L> {
    type Output = BufResult<usize, L>;

    const NAME: &'static str = "readv";

    const NEEDS: &'static [Capability] = &[Capability::ReadEach];

    fn target(&self) -> Option<RawTarget> {
        Some(self.at.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        self.buffers.room(&mut self.parts);
        let (parts, count) = (self.parts.as_ptr(), self.parts.len() as u32);
        let At { ref on, offset, on_worker } = self.at;
        let on = on.quick();
        Some(Request::ReadEach { on, parts, count, offset, on_worker })
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
