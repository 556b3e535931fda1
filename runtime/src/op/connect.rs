//! Connect a socket.

use super::{Answer, Op, Operation};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use socket2::SockAddr;
use std::io;

/// Connects a socket to an address.
#[derive(Debug)]
pub(crate) struct Connect {
    on: Target,
    /// Boxed: the request points to it.
    address: Box<SockAddr>,
    on_worker: bool,
}

impl Connect {
    pub(crate) fn new(on: impl Into<Target>, address: SockAddr) -> Op<Self> {
        Op::new(Self { on: on.into(), address: Box::new(address), on_worker: false })
    }

    /// Connects on one of the kernel's threads, which may block. That is for a local socket whose
    /// peer has no room: the socket cannot be polled for the room, so the kernel would pass the
    /// request on again and again, and not find it there to cancel it.
    pub(crate) fn blocking(on: impl Into<Target>, address: SockAddr) -> Op<Self> {
        Op::new(Self { on: on.into(), address: Box::new(address), on_worker: true })
    }
}

// SAFETY: the address is boxed, and the target is counted.
unsafe impl Operation for Connect {
    type Output = io::Result<()>;

    const NAME: &'static str = "connect";

    const NEEDS: &'static [Capability] = &[Capability::Connect];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let address = self.address.as_ptr().cast();
        let (length, on_worker) = (self.address.len(), self.on_worker);
        Some(Request::Connect { on: self.on.raw(), address, length, on_worker })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}
