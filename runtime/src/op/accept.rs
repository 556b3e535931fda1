//! Accept one connection, or one after the other.

use super::{Answer, Many, Multishot, Op, Operation};
use crate::fd::SharedFd;
use crate::ring::{Entry, opcode, types};
use socket2::{SockAddr, SockAddrStorage};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Waits for a connection on a listening socket.
#[derive(Debug)]
pub(crate) struct Accept {
    listener: SharedFd,
    peer: Box<Peer>,
}

/// Where the kernel writes who connected. Boxed: the entry points to it.
#[derive(Debug)]
struct Peer {
    storage: SockAddrStorage,
    length: libc::socklen_t,
}

impl Accept {
    pub(crate) fn new(listener: SharedFd) -> Op<Self> {
        let storage = SockAddrStorage::zeroed();
        let length = storage.size_of();
        Op::new(Self { listener, peer: Box::new(Peer { storage, length }) })
    }
}

/// Takes ownership of a descriptor that the kernel has just made.
fn own(fd: u32) -> OwnedFd {
    // SAFETY: the kernel made this descriptor for the accept whose answer this is, and the answer
    // is taken once.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

// SAFETY: the address and its length are boxed, and the descriptor is counted.
unsafe impl Operation for Accept {
    type Output = io::Result<(SharedFd, SockAddr)>;

    const NAME: &'static str = "accept";

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.listener.as_raw_fd())
    }

    fn prepare(&mut self) -> Entry {
        let address = (&raw mut self.peer.storage).cast();
        let length = &raw mut self.peer.length;
        opcode::Accept::new(types::Fd(self.listener.as_raw_fd()), address, length)
            .flags(libc::SOCK_CLOEXEC)
            .build()
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
    listener: SharedFd,
}

impl AcceptMany {
    pub(crate) fn new(listener: SharedFd) -> Many<Self> {
        Many::new(Self { listener })
    }
}

// SAFETY: no pointers, and the descriptor is counted.
unsafe impl Multishot for AcceptMany {
    type Item = io::Result<SharedFd>;

    const NAME: &'static str = "accept, many";

    fn descriptor(&self) -> Option<RawFd> {
        Some(self.listener.as_raw_fd())
    }

    fn prepare(&mut self) -> Entry {
        let listener = types::Fd(self.listener.as_raw_fd());
        opcode::AcceptMulti::new(listener).flags(libc::SOCK_CLOEXEC).build()
    }

    fn answer(&self, answer: Answer) -> Self::Item {
        Ok(SharedFd::new(own(answer.result?)))
    }
}
