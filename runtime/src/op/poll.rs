//! Wait until something can be read or written, without doing so.

use super::{Answer, Op, Operation};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Interest, Request};
use std::io;

/// Waits until one direction of a descriptor is ready, or its other end is gone. Takes nothing out
/// of it, so nothing is lost when the future is dropped. What is ready when it is submitted is
/// answered at once.
#[derive(Debug)]
pub(crate) struct PollOp {
    on: Target,
    interest: Interest,
}

impl PollOp {
    pub(crate) fn new(on: impl Into<Target>, interest: Interest) -> Op<Self> {
        Op::new(Self { on: on.into(), interest })
    }
}

// SAFETY: no pointers; the target is counted.
unsafe impl Operation for PollOp {
    type Output = io::Result<()>;

    const NAME: &'static str = "poll";

    const NEEDS: &'static [Capability] = &[Capability::Poll];

    const ACTS: bool = false;

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        Some(Request::Poll { on: self.on.raw(), interest: self.interest })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}
