//! Send from an owned buffer.

use super::recv::MAX_LENGTH;
use super::{Answer, Continue, Op, Operation};
use crate::buf::{BufResult, IoBuf};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};

/// Sends on a socket, without the signal that a broken connection would raise.
#[derive(Debug)]
pub(crate) struct SendOp<B> {
    on: Target,
    buffer: B,
    /// Bytes of the buffer that were sent before.
    skip: usize,
}

impl<B: IoBuf> SendOp<B> {
    /// Sends what follows the first `skip` bytes of the buffer.
    pub(crate) fn new(on: impl Into<Target>, buffer: B, skip: usize) -> Op<Self> {
        Op::new(Self { on: on.into(), buffer, skip })
    }
}

impl<B> Continue for SendOp<B> {
    fn skip(&self) -> usize {
        self.skip
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBuf`), and the target is counted.
unsafe impl<B: IoBuf> Operation for SendOp<B> {
    type Output = BufResult<usize, B>;

    const NAME: &'static str = "send";

    const NEEDS: &'static [Capability] = &[Capability::Send];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let rest = &self.buffer.as_bytes()[self.skip..];
        let length = rest.len().min(MAX_LENGTH) as u32;
        Some(Request::Send { on: self.on.raw(), start: rest.as_ptr(), length })
    }

    #[inline(always)]
    fn complete(self, answer: Answer) -> Self::Output {
        (answer.result.map(|sent| sent as usize), self.buffer)
    }
}
