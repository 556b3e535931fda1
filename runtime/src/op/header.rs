//! `Header`: what the kernel reads and writes of a message besides its bytes.
//!
//! A header and all that it points to are used again and again: in the steady state, messages
//! allocate nothing.

use super::control::{Control, Outgoing, Room};
use super::spare::LISTS;
use crate::context;
use socket2::{SockAddr, SockAddrStorage};

/// A header with all that it points to, but for the bytes of the message. Boxed by its owner: the
/// kernel reads and writes the header until it has answered.
#[derive(Debug)]
pub(crate) struct Header {
    message: libc::msghdr,
    /// Where the message goes, or came from.
    name: SockAddrStorage,
    parts: Vec<libc::iovec>,
    control: Vec<u8>,
}

impl Header {
    fn new() -> Box<Self> {
        let spare = context::with(|context| context.op.headers.take());
        spare.unwrap_or_else(|| {
            let message = libc::msghdr {
                msg_name: std::ptr::null_mut(),
                msg_namelen: 0,
                msg_iov: std::ptr::null_mut(),
                msg_iovlen: 0,
                msg_control: std::ptr::null_mut(),
                msg_controllen: 0,
                msg_flags: 0,
            };
            let name = SockAddrStorage::zeroed();
            Box::new(Self { message, name, parts: Vec::new(), control: Vec::new() })
        })
    }

    /// Of a message that comes, from an address that is to be told if it is `named`, with room for
    /// what may come along.
    pub(super) fn incoming(named: bool, room: Room) -> Box<Self> {
        let mut this = Self::new();
        this.message.msg_namelen = if named { this.name.size_of() } else { 0 };
        this.message.msg_flags = 0;
        this.control.clear();
        this.control.resize(room.bytes(), 0);
        this
    }

    /// Of a message that goes to an address, or where the socket is connected, with what is to go
    /// along.
    pub(super) fn outgoing(
        to: Option<SockAddr>,
        along: impl FnOnce(&mut Outgoing<'_>),
    ) -> Box<Self> {
        let mut this = Self::new();
        this.message.msg_namelen = to.as_ref().map_or(0, SockAddr::len);
        if let Some(to) = to {
            this.name = to.as_storage();
        }
        this.control.clear();
        along(&mut Outgoing(&mut this.control));
        this
    }

    /// The header, which points to the parts that `fill` adds from now on. Valid while this stays
    /// in its box.
    pub(super) fn lend(&mut self, fill: impl FnOnce(&mut Vec<libc::iovec>)) -> *mut libc::msghdr {
        self.parts.clear();
        fill(&mut self.parts);
        self.message.msg_name = match self.message.msg_namelen {
            0 => std::ptr::null_mut(),
            _ => (&raw mut self.name).cast(),
        };
        self.message.msg_iov = self.parts.as_mut_ptr();
        self.message.msg_iovlen = self.parts.len() as _;
        self.message.msg_control = match self.control.is_empty() {
            true => std::ptr::null_mut(),
            false => self.control.as_mut_ptr().cast(),
        };
        self.message.msg_controllen = self.control.len() as _;
        &raw mut self.message
    }

    /// Whether the message was longer than its buffers.
    pub(super) fn is_truncated(&self) -> bool {
        self.message.msg_flags & libc::MSG_TRUNC != 0
    }

    /// The address that the message came from. Of a socket without a name there is none.
    pub(super) fn from(&self) -> Option<SockAddr> {
        let length = self.message.msg_namelen;
        let is_told = length > 0 && length <= self.name.size_of();
        // SAFETY: as much of the storage, all of which is initialised, is copied as there is.
        let name = || unsafe { std::ptr::read(&raw const self.name) };
        // SAFETY: the kernel has written an address of this length, within the storage.
        is_told.then(|| unsafe { SockAddr::new(name(), length) })
    }

    /// What came along with the message.
    ///
    /// # Safety
    ///
    /// The kernel has received a message with this header, and this is asked once.
    pub(super) unsafe fn take_control(&mut self) -> Control {
        let truncated = self.message.msg_flags & libc::MSG_CTRUNC != 0;
        // All of the room, which was zero before, and not as much as the kernel says: it forgets
        // what it has written in an attempt before the last one (6.17, and 6.18 before its repair).
        // SAFETY: the caller's promise; the list is forgotten below.
        let control = unsafe { Control::read(&self.control, truncated) };
        self.control.clear();
        control
    }

    /// How many bytes its lists take.
    pub(crate) fn lists(&self) -> usize {
        self.parts.capacity() * size_of::<libc::iovec>() + self.control.capacity()
    }

    /// The message is done: another one may have the header, unless its lists have grown large.
    pub(super) fn give_back(self: Box<Self>) {
        if self.lists() <= LISTS {
            context::with(|context| context.op.headers.give_back(self));
        }
    }
}
