//! Send a datagram to an address of IP, with nothing that goes along.

use super::recv::MAX_LENGTH;
use super::{Answer, Op, Operation};
use crate::buf::{BufResult, IoBuf};
use crate::context;
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use std::net::SocketAddr;

/// An address as the kernel reads it.
#[derive(Debug)]
pub(super) enum Name {
    V4(libc::sockaddr_in),
    V6(libc::sockaddr_in6),
}

impl Name {
    fn new(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(address) => Self::V4(libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            }),
            SocketAddr::V6(address) => Self::V6(libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: address.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                sin6_scope_id: address.scope_id(),
            }),
        }
    }

    fn boxed(address: SocketAddr) -> Box<Self> {
        let name = Self::new(address);
        match context::with(|context| context.op.names.take()) {
            Some(mut spare) => {
                *spare = name;
                spare
            }
            None => Box::new(name),
        }
    }

    /// Where it is, and how long.
    fn lend(&self) -> (*const libc::sockaddr, u16) {
        match self {
            Self::V4(name) => ((&raw const *name).cast(), size_of_val(name) as u16),
            Self::V6(name) => ((&raw const *name).cast(), size_of_val(name) as u16),
        }
    }
}

/// Sends a datagram as a whole. The kernel reads an entry and no header, so this takes less than a
/// message does.
#[derive(Debug)]
pub(crate) struct SendTo<B> {
    on: Target,
    buffer: B,
    to: Box<Name>,
}

impl<B: IoBuf> SendTo<B> {
    pub(crate) fn new(on: impl Into<Target>, buffer: B, to: SocketAddr) -> Op<Self> {
        Op::new(Self { on: on.into(), buffer, to: Name::boxed(to) })
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
        let (to, to_length) = self.to.lend();
        Some(Request::SendTo { on: self.on.raw(), start, length, to, to_length })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        context::with(|context| context.op.names.give_back(self.to));
        (answer.result.map(|sent| sent as usize), self.buffer)
    }
}
