//! Send a message to an address, or with something that goes along; or from several buffers.

use super::control::Outgoing;
use super::header::Header;
use super::message::Gather;
use super::{Answer, Op, Operation};
use crate::buf::BufResult;
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use socket2::SockAddr;

/// Sends on a socket what the header of a message can tell, without the signal that a broken
/// connection would raise.
#[derive(Debug)]
pub(crate) struct SendMsg<L> {
    on: Target,
    buffers: L,
    header: Box<Header>,
}

impl<L: Gather> SendMsg<L> {
    /// Sends to an address, or where the socket is connected.
    pub(crate) fn new(on: impl Into<Target>, buffers: L, to: Option<SockAddr>) -> Op<Self> {
        Self::with(on, buffers, to, |_| {})
    }

    /// The same, with what goes along.
    pub(crate) fn with(
        on: impl Into<Target>,
        buffers: L,
        to: Option<SockAddr>,
        along: impl FnOnce(&mut Outgoing<'_>),
    ) -> Op<Self> {
        Op::new(Self { on: on.into(), buffers, header: Header::outgoing(to, along) })
    }
}

// SAFETY: the header is boxed and owns what it points to; the buffers' addresses are stable while
// they are owned (`Gather`); the target is counted.
unsafe impl<L: Gather> Operation for SendMsg<L> {
    type Output = BufResult<usize, L>;

    const NAME: &'static str = "sendmsg";

    const NEEDS: &'static [Capability] = &[Capability::SendMsg];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let header = self.header.lend(|parts| self.buffers.parts(parts));
        Some(Request::SendMsg { on: self.on.raw(), header })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        self.header.give_back();
        (answer.result.map(|sent| sent as usize), self.buffers)
    }
}
