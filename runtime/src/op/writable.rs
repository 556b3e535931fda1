//! Wait until something can be written, without writing it.

use super::{Answer, Op, Operation};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use std::io;

/// Waits until a descriptor takes something, or its other end is gone.
#[derive(Debug)]
pub(crate) struct Writable {
    on: Target,
}

impl Writable {
    pub(crate) fn new(on: impl Into<Target>) -> Op<Self> {
        Op::new(Self { on: on.into() })
    }
}

// SAFETY: no pointers; the target is counted.
unsafe impl Operation for Writable {
    type Output = io::Result<()>;

    const NAME: &'static str = "poll to write";

    const NEEDS: &'static [Capability] = &[Capability::Poll];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        Some(Request::PollToWrite { on: self.on.raw() })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}
