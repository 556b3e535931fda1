//! Shut down one half of a connection, or both.

use super::{Answer, Op, Operation};
use crate::fd::SharedFd;
use crate::ring::{Entry, opcode, types};
use std::io;
use std::net;
use std::os::fd::{AsRawFd, RawFd};

/// Ends one direction of a connection, or both.
#[derive(Debug)]
pub(crate) struct Shutdown {
    socket: SharedFd,
    how: net::Shutdown,
}

impl Shutdown {
    pub(crate) fn new(socket: SharedFd, how: net::Shutdown) -> Op<Self> {
        Op::new(Self { socket, how })
    }
}

// SAFETY: no pointers; the descriptor is counted.
unsafe impl Operation for Shutdown {
    type Output = io::Result<()>;

    const NAME: &'static str = "shutdown";

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.socket.as_raw_fd())
    }

    fn prepare(&mut self) -> Entry {
        let how = match self.how {
            net::Shutdown::Read => libc::SHUT_RD,
            net::Shutdown::Write => libc::SHUT_WR,
            net::Shutdown::Both => libc::SHUT_RDWR,
        };
        opcode::Shutdown::new(types::Fd(self.socket.as_raw_fd()), how).build()
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}
