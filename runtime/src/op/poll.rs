//! Wait until something can be read, without reading it.

use super::{Answer, Op, Operation};
use crate::fd::SharedFd;
use crate::ring::{Entry, opcode, types};
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// Waits until a descriptor can be read, or its other end is gone. Takes nothing out of it, so
/// nothing is lost when nobody waits any more.
#[derive(Debug)]
pub(crate) struct Poll {
    descriptor: SharedFd,
}

impl Poll {
    pub(crate) fn new(descriptor: SharedFd) -> Op<Self> {
        Op::new(Self { descriptor })
    }
}

// SAFETY: no pointers; the descriptor is counted.
unsafe impl Operation for Poll {
    type Output = io::Result<()>;

    const NAME: &'static str = "poll";

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.descriptor.as_raw_fd())
    }

    fn prepare(&mut self) -> Entry {
        let descriptor = types::Fd(self.descriptor.as_raw_fd());
        opcode::PollAdd::new(descriptor, libc::POLLIN as u32).build()
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}
