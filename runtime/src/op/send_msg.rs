//! Send a message to an address, or with something that goes along; or from several buffers.

use super::control::Outgoing;
use super::header::Header;
use super::message::{Gather, Passing};
use super::{Answer, Op, Operation};
use crate::buf::BufResult;
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use socket2::SockAddr;
use std::os::fd::{AsFd, AsRawFd};

/// Sends on a socket what the header of a message can tell, without the signal that a broken
/// connection would raise.
#[derive(Debug)]
pub(crate) struct SendMsg<L> {
    on: Target,
    buffers: L,
    header: Box<Header>,
    flags: libc::c_int,
}

impl<L: Gather> SendMsg<L> {
    /// Sends to an address, or where the socket is connected.
    pub(crate) fn new(on: impl Into<Target>, buffers: L, to: Option<SockAddr>) -> Op<Self> {
        Self::with(on, buffers, to, |_| {})
    }

    /// As [`new`](Self::new), with control messages that go along.
    pub(crate) fn with(
        on: impl Into<Target>,
        buffers: L,
        to: Option<SockAddr>,
        along: impl FnOnce(&mut Outgoing<'_>),
    ) -> Op<Self> {
        let header = Header::outgoing(to, along);
        Op::new(Self { on: on.into(), buffers, header, flags: 0 })
    }
}

impl<L: Gather, F: AsFd + 'static> SendMsg<Passing<L, F>> {
    /// Sends where the socket is connected, and passes descriptors along.
    pub(crate) fn passing(on: impl Into<Target>, buffers: Passing<L, F>) -> Op<Self> {
        Self::passing_to(on, buffers, None, 0)
    }

    /// Passes descriptors along as well, also to an address; `WouldBlock` if there is no room at
    /// once.
    pub(crate) fn passing_at_once(
        on: impl Into<Target>,
        buffers: Passing<L, F>,
        to: Option<SockAddr>,
    ) -> Op<Self> {
        Self::passing_to(on, buffers, to, libc::MSG_DONTWAIT)
    }

    fn passing_to(
        on: impl Into<Target>,
        buffers: Passing<L, F>,
        to: Option<SockAddr>,
        flags: libc::c_int,
    ) -> Op<Self> {
        let numbers: Vec<_> = buffers.fds.iter().map(|fd| fd.as_fd().as_raw_fd()).collect();
        let header = Header::outgoing(to, |along| along.fds(&numbers));
        Op::new(Self { on: on.into(), buffers, header, flags })
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
        Some(Request::SendMsg { on: self.on.raw(), header, flags: self.flags })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        self.header.give_back();
        (answer.result.map(|sent| sent as usize), self.buffers)
    }
}
