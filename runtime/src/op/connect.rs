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
}

impl Connect {
    pub(crate) fn new(on: impl Into<Target>, address: SockAddr) -> Op<Self> {
        Op::new(Self { on: on.into(), address: Box::new(address) })
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
        Some(Request::Connect { on: self.on.raw(), address, length: self.address.len() })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}
