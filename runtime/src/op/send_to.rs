//! Send a datagram to an address of IP, with nothing that goes along.

use super::recv::MAX_LENGTH;
use super::{Answer, Op, Operation};
use crate::buf::{BufResult, IoBuf};
use crate::context;
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use socket2::SockAddr;
use std::net::SocketAddr;

/// An address as the kernel reads it, where it stays.
fn name(of: SocketAddr) -> Box<SockAddr> {
    let name = SockAddr::from(of);
    match context::with(|context| context.op.names.take()) {
        Some(mut spare) => {
            *spare = name;
            spare
        }
        None => Box::new(name),
    }
}

/// Sends a datagram as a whole. The kernel reads an entry and no header, so this takes less than a
/// message does.
#[derive(Debug)]
pub(crate) struct SendTo<B> {
    on: Target,
    buffer: B,
    to: Box<SockAddr>,
}

impl<B: IoBuf> SendTo<B> {
    pub(crate) fn new(on: impl Into<Target>, buffer: B, to: SocketAddr) -> Op<Self> {
        Op::new(Self { on: on.into(), buffer, to: name(to) })
    }
}

// SAFETY: the name is boxed; the buffer's address is stable while it is owned (`IoBuf`); the target
// is counted.
unsafe impl<B: IoBuf> Operation for SendTo<B> {
    type Output = BufResult<usize, B>;

    const NAME: &'static str = "sendto";

    const NEEDS: &'static [Capability] = &[Capability::SendTo];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let bytes = self.buffer.as_bytes();
        let (start, length) = (bytes.as_ptr(), bytes.len().min(MAX_LENGTH) as u32);
        let (to, to_length) = (self.to.as_ptr().cast(), self.to.len() as u16);
        Some(Request::SendTo { on: self.on.raw(), start, length, to, to_length })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        context::with(|context| context.op.names.give_back(self.to));
        (answer.result.map(|sent| sent as usize), self.buffer)
    }
}
