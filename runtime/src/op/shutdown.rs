//! Shut down one half of a connection, or both.

use super::{Answer, Op, Operation};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use std::io;
use std::net;

/// Ends one direction of a connection, or both.
#[derive(Debug)]
pub(crate) struct Shutdown {
    on: Target,
    how: net::Shutdown,
}

impl Shutdown {
    pub(crate) fn new(on: impl Into<Target>, how: net::Shutdown) -> Op<Self> {
        Op::new(Self { on: on.into(), how })
    }
}

// SAFETY: no pointers; the target is counted.
unsafe impl Operation for Shutdown {
    type Output = io::Result<()>;

    const NAME: &'static str = "shutdown";

    const NEEDS: &'static [Capability] = &[Capability::Shutdown];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        Some(Request::Shutdown { on: self.on.raw(), how: self.how })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}
