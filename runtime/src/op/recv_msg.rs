//! Receive a message, with where it came from; or into several buffers.

use super::message::{Header, Scatter};
use super::{Answer, Op, Operation};
use crate::buf::BufResult;
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use socket2::SockAddr;

/// Receives from a socket what the header of a message can tell.
#[derive(Debug)]
pub(crate) struct RecvMsg<L> {
    on: Target,
    buffers: L,
    header: Box<Header>,
    flags: libc::c_int,
    poll_first: bool,
}

/// A message that came.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// Bytes in the buffers.
    pub(crate) length: usize,
    /// A stream had more.
    pub(crate) more: bool,
    /// It was longer.
    pub(crate) truncated: bool,
    pub(crate) from: Option<SockAddr>,
}

impl<L: Scatter> RecvMsg<L> {
    /// Of a stream, which has one peer only.
    pub(crate) fn stream(on: impl Into<Target>, buffers: L, poll_first: bool) -> Op<Self> {
        let header = Header::incoming(false);
        Op::new(Self { on: on.into(), buffers, header, flags: 0, poll_first })
    }

    /// The same, and leaves the bytes there.
    pub(crate) fn peek_stream(on: impl Into<Target>, buffers: L) -> Op<Self> {
        let (header, flags) = (Header::incoming(false), libc::MSG_PEEK);
        Op::new(Self { on: on.into(), buffers, header, flags, poll_first: false })
    }

    /// The next message; `peek` leaves it there.
    pub(crate) fn datagram(on: impl Into<Target>, buffers: L, peek: bool) -> Op<Self> {
        let (header, flags) = (Header::incoming(true), if peek { libc::MSG_PEEK } else { 0 });
        Op::new(Self { on: on.into(), buffers, header, flags, poll_first: false })
    }
}

// SAFETY: the header is boxed and owns what it points to; the buffers' addresses are stable while
// they are owned (`Scatter`); the target is counted.
unsafe impl<L: Scatter> Operation for RecvMsg<L> {
    type Output = BufResult<Arrived, L>;

    const NAME: &'static str = "recvmsg";

    const NEEDS: &'static [Capability] = &[Capability::RecvMsg];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let header = self.header.lend(self.buffers.room());
        let (flags, poll_first) = (self.flags, self.poll_first);
        Some(Request::RecvMsg { on: self.on.raw(), header, flags, poll_first })
    }

    fn complete(mut self, answer: Answer) -> Self::Output {
        let result = answer.result.map(|length| {
            let length = length as usize;
            // SAFETY: the kernel has written so many bytes, from the start of what it was lent.
            unsafe { self.buffers.set_received(length) };
            let truncated = self.header.is_truncated();
            let (more, from) = (answer.sock_nonempty, self.header.into_from());
            Arrived { length, more, truncated, from }
        });
        (result, self.buffers)
    }
}
