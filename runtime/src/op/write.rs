//! Write to a file, a pipe or a terminal, from one owned buffer or several.

use super::message::Gather;
use super::recv::MAX_LENGTH;
use super::{Answer, At, Op, Operation};
use crate::buf::{BufResult, IoBuf};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, NEXT, Request};

/// Writes to a place in a file; or to a pipe, a terminal, or a file at its position. Never to a
/// socket: that is a send, which raises no signal.
#[derive(Debug)]
pub(crate) struct WriteOp<B> {
    at: At,
    buffer: B,
    /// Bytes of the buffer that were written before.
    skip: usize,
}

impl<B: IoBuf> WriteOp<B> {
    /// Writes what follows the first `skip` bytes of the buffer.
    pub(crate) fn new(at: At, buffer: B, skip: usize) -> Op<Self> {
        Op::new(Self { at, buffer, skip })
    }

    /// Writes the same to where the next byte goes.
    pub(crate) fn next(on: impl Into<Target>, buffer: B, skip: usize, on_worker: bool) -> Op<Self> {
        Self::new(At { on: on.into(), offset: NEXT, on_worker }, buffer, skip)
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBuf`), and the target is counted.
unsafe impl<B: IoBuf> Operation for WriteOp<B> {
    type Output = BufResult<usize, B>;

    const NAME: &'static str = "write";

    const NEEDS: &'static [Capability] = &[Capability::Write];

    fn target(&self) -> Option<RawTarget> {
        Some(self.at.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let rest = &self.buffer.as_bytes()[self.skip..];
        let length = rest.len().min(MAX_LENGTH) as u32;
        let At { ref on, offset, on_worker } = self.at;
        let on = on.quick();
        let start = rest.as_ptr();
        Some(Request::Write { on, start, length, offset, on_worker })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        (answer.result.map(|written| written as usize), self.buffer)
    }
}

/// Writes to a place in a file from several buffers, one after the other.
#[derive(Debug)]
pub(crate) struct WriteEachAt<L> {
    at: At,
    buffers: L,
    parts: Vec<libc::iovec>,
}

impl<L: Gather> WriteEachAt<L> {
    pub(crate) fn new(at: At, buffers: L) -> Op<Self> {
        Op::new(Self { at, buffers, parts: Vec::new() })
    }
}

// SAFETY: the parts are on the heap, and so is what they name (`Gather`); the target is counted.
unsafe impl<L: Gather> Operation for WriteEachAt<L> {
    type Output = BufResult<usize, L>;

    const NAME: &'static str = "writev";

    const NEEDS: &'static [Capability] = &[Capability::WriteEach];

    fn target(&self) -> Option<RawTarget> {
        Some(self.at.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        self.buffers.parts(&mut self.parts);
        let (parts, count) = (self.parts.as_ptr(), self.parts.len() as u32);
        let At { ref on, offset, on_worker } = self.at;
        let on = on.quick();
        Some(Request::WriteEach { on, parts, count, offset, on_worker })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        (answer.result.map(|written| written as usize), self.buffers)
    }
}
