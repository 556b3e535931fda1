//! Wait until something can be read, or nothing comes any more, without reading it.

use super::{Answer, Op, Operation};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use std::io;

/// Waits until a descriptor can be read, or its other end is gone. Takes nothing out of it, so
/// nothing is lost when the future is dropped.
#[derive(Debug)]
pub(crate) struct Readable {
    on: Target,
}

impl Readable {
    pub(crate) fn new(on: impl Into<Target>) -> Op<Self> {
        Op::new(Self { on: on.into() })
    }
}

// SAFETY: no pointers; the target is counted.
unsafe impl Operation for Readable {
    type Output = io::Result<()>;

    const NAME: &'static str = "poll";

    const NEEDS: &'static [Capability] = &[Capability::Poll];

    const ACTS: bool = false;

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        Some(Request::Poll { on: self.on.raw() })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}

/// Waits until nothing more comes behind what can be read: the other end has shut its direction
/// down, or the connection is broken.
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
