//! Accept one connection, or one after the other.

use super::{Answer, Many, Multishot, Op, Operation};
use crate::fd::{RawTarget, SharedFd, Target};
use crate::ring::{Capability, Request};
use socket2::{SockAddr, SockAddrStorage};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Waits for a connection on a listening socket.
#[derive(Debug)]
pub(crate) struct Accept {
    on: Target,
    peer: Box<Peer>,
}

/// Where the kernel writes the address of the peer. Boxed: the request points to it.
#[derive(Debug)]
struct Peer {
    storage: SockAddrStorage,
    length: libc::socklen_t,
}

impl Accept {
    pub(crate) fn new(on: impl Into<Target>) -> Op<Self> {
        let storage = SockAddrStorage::zeroed();
        let length = storage.size_of();
        Op::new(Self { on: on.into(), peer: Box::new(Peer { storage, length }) })
    }
}

/// Takes ownership of a descriptor that the kernel has just made.
fn own(fd: u32) -> OwnedFd {
    // SAFETY: the kernel made this descriptor for the accept whose answer this is, and the answer
    // is taken once.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

// SAFETY: the address and its length are boxed, and the target is counted.
unsafe impl Operation for Accept {
    type Output = io::Result<(SharedFd, SockAddr)>;

    const NAME: &'static str = "accept";

    const NEEDS: &'static [Capability] = &[Capability::Accept];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let address = (&raw mut self.peer.storage).cast();
        let length = &raw mut self.peer.length;
        Some(Request::Accept { on: self.on.raw(), address, length })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        let fd = SharedFd::new(own(answer.result?));
        let Peer { storage, length } = *self.peer;
        // SAFETY: the accept succeeded, so the kernel has written an address and its length.
        let address = unsafe { SockAddr::new(storage, length) };
        Ok((fd, address))
    }
}

/// Waits for connections on a listening socket, one after the other.
#[derive(Debug)]
pub(crate) struct AcceptMany {
    on: Target,
}

impl AcceptMany {
    pub(crate) fn new(on: impl Into<Target>) -> Many<Self> {
        Many::new(Self { on: on.into() })
    }
}

// SAFETY: no pointers, and the target is counted.
unsafe impl Multishot for AcceptMany {
    type Item = io::Result<SharedFd>;

    const NAME: &'static str = "accept, many";

    const NEEDS: &'static [Capability] = &[Capability::AcceptMany];

    fn target(&self) -> RawTarget {
        self.on.raw()
    }

    fn request(&mut self) -> Request {
        Request::AcceptMany { on: self.on.raw() }
    }

    fn answer(&self, answer: Answer) -> Self::Item {
        Ok(SharedFd::new(own(answer.result?)))
    }
}
