//! Hold: an operation that the kernel never hears of.

use super::{Answer, Op, Operation};
use crate::fd::RawTarget;
use crate::ring::{Capability, Request};
use std::io;

/// Waits for other code of this core, under the rules of all operations: when its scope is
/// cancelled, it resolves, and in a cancelled scope it is a drop point. The other code
/// [nudges](super::OpHandle::nudge) it; then its future drops it.
#[derive(Debug)]
pub(crate) struct Hold;

impl Hold {
    pub(crate) fn new() -> Op<Self> {
        Op::new(Self)
    }
}

// SAFETY: no pointers.
unsafe impl Operation for Hold {
    /// Why the hold has ended without a nudge.
    type Output = io::Error;

    const NAME: &'static str = "wait for another receive";

    const NEEDS: &'static [Capability] = &[];

    fn target(&self) -> Option<RawTarget> {
        None
    }

    fn request(&mut self) -> Option<Request> {
        None
    }

    fn complete(self, answer: Answer) -> io::Error {
        answer.result.expect_err("nothing but a cancellation answers it")
    }
}
