//! Write to a file, from one owned buffer or several.

use super::message::Gather;
use super::recv::MAX_LENGTH;
use super::{Answer, Op, Operation};
use crate::buf::{BufResult, IoBuf};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};

/// Writes to a place in a file. Never to a socket: a broken connection would raise a signal.
#[derive(Debug)]
pub(crate) struct WriteAt<B> {
    on: Target,
    buffer: B,
    /// Bytes of the buffer that were written before.
    skip: usize,
    offset: u64,
}

impl<B: IoBuf> WriteAt<B> {
    /// Writes what follows the first `skip` bytes of the buffer to `offset`.
    pub(crate) fn new(on: impl Into<Target>, buffer: B, skip: usize, offset: u64) -> Op<Self> {
        Op::new(Self { on: on.into(), buffer, skip, offset })
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBuf`), and the target is counted.
unsafe impl<B: IoBuf> Operation for WriteAt<B> {
    type Output = BufResult<usize, B>;

    const NAME: &'static str = "write";

    const NEEDS: &'static [Capability] = &[Capability::Write];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let rest = &self.buffer.as_bytes()[self.skip..];
        let (start, length) = (rest.as_ptr(), rest.len().min(MAX_LENGTH) as u32);
        let (on, offset) = (self.on.raw(), self.offset);
        Some(Request::Write { on, start, length, offset, on_worker: false })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        (answer.result.map(|written| written as usize), self.buffer)
    }
}

/// Writes to a place in a file from several buffers, one after the other.
#[derive(Debug)]
pub(crate) struct WriteEachAt<L> {
    on: Target,
    buffers: L,
    parts: Vec<libc::iovec>,
    offset: u64,
}

impl<L: Gather> WriteEachAt<L> {
    pub(crate) fn new(on: impl Into<Target>, buffers: L, offset: u64) -> Op<Self> {
        Op::new(Self { on: on.into(), buffers, parts: Vec::new(), offset })
    }
}

// SAFETY: the parts are on the heap, and so is what they name (`Gather`); the target is counted.
unsafe impl<L: Gather> Operation for WriteEachAt<L> {
    type Output = BufResult<usize, L>;

    const NAME: &'static str = "writev";

    const NEEDS: &'static [Capability] = &[Capability::WriteEach];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        self.buffers.parts(&mut self.parts);
        let (parts, count) = (self.parts.as_ptr(), self.parts.len() as u32);
        Some(Request::WriteEach { on: self.on.raw(), parts, count, offset: self.offset })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        (answer.result.map(|written| written as usize), self.buffers)
    }
}
