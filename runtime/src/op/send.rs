//! Send from an owned buffer.

use super::recv::MAX_LENGTH;
use super::{Answer, Op, Operation};
use crate::buf::{BufResult, IoBuf};
use crate::fd::SharedFd;
use crate::ring::{Entry, opcode, types};
use std::os::fd::{AsRawFd, RawFd};

/// Sends on a socket, without the signal that a broken connection would raise.
#[derive(Debug)]
pub(crate) struct Send<B> {
    socket: SharedFd,
    buffer: B,
    /// Bytes of the buffer that were sent before.
    skip: usize,
}

impl<B: IoBuf> Send<B> {
    /// Sends what follows the first `skip` bytes of the buffer.
    pub(crate) fn new(socket: SharedFd, buffer: B, skip: usize) -> Op<Self> {
        Op::new(Self { socket, buffer, skip })
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBuf`), and the descriptor is
// counted.
unsafe impl<B: IoBuf> Operation for Send<B> {
    type Output = BufResult<usize, B>;

    const NAME: &'static str = "send";

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.socket.as_raw_fd())
    }

    fn prepare(&mut self) -> Entry {
        let rest = &self.buffer.as_bytes()[self.skip..];
        let length = rest.len().min(MAX_LENGTH) as u32;
        opcode::Send::new(types::Fd(self.socket.as_raw_fd()), rest.as_ptr(), length)
            .flags(libc::MSG_NOSIGNAL)
            .build()
    }

    fn complete(self, answer: Answer) -> Self::Output {
        (answer.result.map(|sent| sent as usize), self.buffer)
    }
}
