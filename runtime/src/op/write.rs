//! Write from an owned buffer to where the next byte goes.

use super::recv::MAX_LENGTH;
use super::{Answer, Op, Operation};
use crate::buf::{BufResult, IoBuf};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, NEXT, Request};

/// Writes to a pipe or a terminal, or to a file at its position. Never to a socket: that is a send,
/// which raises no signal.
#[derive(Debug)]
pub(crate) struct Write<B> {
    on: Target,
    buffer: B,
    /// Bytes of the buffer that were written before.
    skip: usize,
    /// The kernel does not tell in advance whether it would stop the thread.
    on_worker: bool,
}

impl<B: IoBuf> Write<B> {
    /// Writes what follows the first `skip` bytes of the buffer.
    pub(crate) fn new(on: impl Into<Target>, buffer: B, skip: usize, on_worker: bool) -> Op<Self> {
        Op::new(Self { on: on.into(), buffer, skip, on_worker })
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
        let (on, on_worker) = (self.on.raw(), self.on_worker);
        let start = rest.as_ptr();
        Some(Request::Write { on, start, length, offset: NEXT, on_worker })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        (answer.result.map(|written| written as usize), self.buffer)
    }
}
