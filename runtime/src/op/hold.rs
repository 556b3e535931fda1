//! Hold: an operation that the kernel never hears of.

use super::{Answer, Op, Operation};
use crate::ring::{Entry, opcode};
use std::io;
use std::os::fd::RawFd;

/// Waits for other code of this core, under the rules of all operations: a cancelled scope resolves
/// it, and in one it is a drop point. Whoever it waits for [nudges](super::Flight::nudge) it; it is
/// dropped then.
#[derive(Debug)]
pub(crate) struct Hold;

impl Hold {
    pub(crate) fn new() -> Op<Self> {
        Op::new(Self)
    }
}

// SAFETY: no pointers.
unsafe impl Operation for Hold {
    /// Why it did not come to its end.
    type Output = io::Error;

    const ENTERS: bool = false;

    const NAME: &'static str = "recv, held back";

    fn descriptor(&self) -> Option<RawFd> {
        None
    }

    fn prepare(&mut self) -> Entry {
        opcode::Nop::new().build()
    }

    fn complete(self, answer: Answer) -> io::Error {
        answer.result.expect_err("nothing but a cancellation answers it")
    }
}
