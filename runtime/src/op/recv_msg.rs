//! Receive a message, with where it came from and what came along; or into several buffers.

use super::control::{Control, Room};
use super::header::Header;
use super::message::Scatter;
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
    /// The message was longer.
    pub(crate) truncated: bool,
    pub(crate) from: Option<SockAddr>,
    /// What came along.
    pub(crate) control: Control,
}

impl<L: Scatter> RecvMsg<L> {
    /// Receives from a stream, which has one peer only.
    pub(crate) fn stream(
        on: impl Into<Target>,
        buffers: L,
        room: Room,
        poll_first: bool,
    ) -> Op<Self> {
        let header = Header::incoming(false, room);
        Op::new(Self { on: on.into(), buffers, header, flags: 0, poll_first })
    }

    /// Receives from a stream, and leaves the bytes there.
    pub(crate) fn peek_stream(on: impl Into<Target>, buffers: L) -> Op<Self> {
        let (header, flags) = (Header::incoming(false, Room::NONE), libc::MSG_PEEK);
        Op::new(Self { on: on.into(), buffers, header, flags, poll_first: false })
    }

    /// Receives the next message.
    pub(crate) fn datagram(on: impl Into<Target>, buffers: L, room: Room) -> Op<Self> {
        let header = Header::incoming(true, room);
        Op::new(Self { on: on.into(), buffers, header, flags: 0, poll_first: false })
    }

    /// Receives the next message, if there is one: `EAGAIN` if not.
    pub(crate) fn datagram_at_once(on: impl Into<Target>, buffers: L, room: Room) -> Op<Self> {
        let (header, flags) = (Header::incoming(true, room), libc::MSG_DONTWAIT);
        Op::new(Self { on: on.into(), buffers, header, flags, poll_first: false })
    }

    /// Receives the next message, which stays there.
    pub(crate) fn peek_datagram(on: impl Into<Target>, buffers: L) -> Op<Self> {
        let (header, flags) = (Header::incoming(true, Room::NONE), libc::MSG_PEEK);
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
        let header = self.header.lend(|parts| self.buffers.room(parts));
        let (flags, poll_first) = (self.flags, self.poll_first);
        Some(Request::RecvMsg { on: self.on.raw(), header, flags, poll_first })
    }

    fn complete(mut self, answer: Answer) -> Self::Output {
        let more = answer.sock_nonempty();
        let result = answer.result.map(|length| {
            let length = length as usize;
            // SAFETY: the kernel has written so many bytes, from the start of what it was lent.
            unsafe { self.buffers.set_received(length) };
            let (truncated, from) = (self.header.is_truncated(), self.header.from());
            // SAFETY: the kernel has received this message, and `complete` is called once.
            let control = unsafe { self.header.take_control() };
            Arrived { length, more, truncated, from, control }
        });
        self.header.give_back();
        (result, self.buffers)
    }
}
