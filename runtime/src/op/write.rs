//! Write to a file, a pipe or a terminal, from one owned buffer or several.

use super::message::Gather;
use super::recv::MAX_LENGTH;
use super::{Answer, Op, Operation};
use crate::buf::{BufResult, IoBuf};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, NEXT, Request};

/// Writes to a place in a file; or to a pipe, a terminal, or a file at its position. Never to a
/// socket: that is a send, which raises no signal.
#[derive(Debug)]
pub(crate) struct Write<B> {
    on: Target,
    buffer: B,
    /// Bytes of the buffer that were written before.
    skip: usize,
    /// See [`NEXT`].
    offset: u64,
    /// The kernel does not tell in advance whether it would stop the thread.
    on_worker: bool,
}

impl<B: IoBuf> Write<B> {
    /// Writes what follows the first `skip` bytes of the buffer to where the next byte goes.
    pub(crate) fn next(on: impl Into<Target>, buffer: B, skip: usize, on_worker: bool) -> Op<Self> {
        Op::new(Self { on: on.into(), buffer, skip, offset: NEXT, on_worker })
    }

    /// Writes the same to `offset`.
    pub(crate) fn at(on: impl Into<Target>, buffer: B, skip: usize, offset: u64) -> Op<Self> {
        Op::new(Self { on: on.into(), buffer, skip, offset, on_worker: false })
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBuf`), and the target is counted.
unsafe impl<B: IoBuf> Operation for Write<B> {
    type Output = BufResult<usize, B>;

    const NAME: &'static str = "write";

    const NEEDS: &'static [Capability] = &[Capability::Write];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let rest = &self.buffer.as_bytes()[self.skip..];
        let length = rest.len().min(MAX_LENGTH) as u32;
        let (on, offset, on_worker) = (self.on.raw(), self.offset, self.on_worker);
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
