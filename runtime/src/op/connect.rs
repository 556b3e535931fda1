//! Connect a socket.

use super::{Answer, Op, Operation};
use crate::fd::SharedFd;
use crate::ring::{Entry, opcode, types};
use socket2::SockAddr;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// Connects a socket to an address.
#[derive(Debug)]
pub(crate) struct Connect {
    socket: SharedFd,
    /// Boxed: the entry points to it.
    address: Box<SockAddr>,
}

impl Connect {
    pub(crate) fn new(socket: SharedFd, address: SockAddr) -> Op<Self> {
        Op::new(Self { socket, address: Box::new(address) })
    }
}

// SAFETY: the address is boxed, and the descriptor is counted.
unsafe impl Operation for Connect {
    type Output = io::Result<SharedFd>;

    const NAME: &'static str = "connect";

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.socket.as_raw_fd())
    }

    fn prepare(&mut self) -> Entry {
        let address = self.address.as_ptr().cast();
        opcode::Connect::new(types::Fd(self.socket.as_raw_fd()), address, self.address.len())
            .build()
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(|_| self.socket)
    }
}
