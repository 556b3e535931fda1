//! Wait until the peer sends no more, whether or not what came was read.

use super::{Answer, Op, Operation};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use std::io;

/// Waits until the other end has shut its direction down, or the connection is broken.
#[derive(Debug)]
pub(crate) struct Ended {
    on: Target,
}

impl Ended {
    pub(crate) fn new(on: impl Into<Target>) -> Op<Self> {
        Op::new(Self { on: on.into() })
    }
}

// SAFETY: no pointers; the target is counted.
unsafe impl Operation for Ended {
    type Output = io::Result<()>;

    const NAME: &'static str = "poll, for the end";

    const NEEDS: &'static [Capability] = &[Capability::Poll];

    const ACTS: bool = false;

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        Some(Request::PollEnd { on: self.on.raw() })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}
