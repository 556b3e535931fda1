//! `Request`: what a kernel is asked, as plain values that any kernel can read.
//!
//! ```text
//!   op/  Recv { socket, buffer } ──▶ Request::Recv { on, start, length } ──▶ a kernel's own words
//! ```

use crate::fd::RawTarget;
use crate::key::Key;
use std::net::Shutdown;
use std::os::fd::RawFd;

/// One thing to be done. Pointers are those of the operation, which keeps them valid until the
/// final completion.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request {
    /// Nothing, and to say so.
    Nop,
    /// Accept one connection, which closes on exec; the peer is written to `address`, whose
    /// room stands in `length`.
    Accept { on: RawTarget, address: *mut libc::sockaddr, length: *mut libc::socklen_t },
    /// Accept connections, each with an answer of its own.
    AcceptMany { on: RawTarget },
    /// Connect to an address of this length; on one of the kernel's threads, or where it is
    /// submitted.
    Connect {
        on: RawTarget,
        address: *const libc::sockaddr,
        length: libc::socklen_t,
        on_worker: bool,
    },
    /// Receive at most so many bytes, and wait for some as `wait` says.
    Recv { on: RawTarget, start: *mut u8, length: u32, wait: Wait },
    /// Receive into a buffer of this group, which is taken when something has come.
    RecvLeased { on: RawTarget, group: u16, wait: Wait },
    /// The same again and again; each has an answer of its own.
    RecvMany { on: RawTarget, group: u16 },
    /// Send at most so many bytes; a broken connection is an error and no signal.
    Send { on: RawTarget, start: *const u8, length: u32 },
    /// Receive one message as the header says, or a part of a stream; with `flags` as of
    /// recvmsg(2). The kernel writes to the header how the message came.
    RecvMsg { on: RawTarget, header: *mut libc::msghdr, flags: libc::c_int, poll_first: bool },
    /// Send one message as the header says, with `flags` as of sendmsg(2); a broken connection is
    /// an error and no signal.
    SendMsg { on: RawTarget, header: *const libc::msghdr, flags: libc::c_int },
    /// Tell when there is something to be read.
    Poll { on: RawTarget },
    /// Tell when something can be written.
    PollToWrite { on: RawTarget },
    /// Tell when nothing more comes behind what there is to be read: the other end has shut its
    /// direction down, or the connection is broken.
    PollEnd { on: RawTarget },
    /// Tell each time that there is something to be read.
    PollMany { on: RawTarget },
    /// Shut down one direction of a connection, or both.
    Shutdown { on: RawTarget, how: Shutdown },
    /// Close the descriptor.
    Close { on: RawTarget },
    /// End the operation of this key. Answered only if the kernel could not end it.
    Cancel { target: Key },
    /// Have a completion of this key arrive at the ring behind the descriptor. Answered only if
    /// the kernel could not post it.
    Message { ring: RawFd, key: Key },
    /// Read from the start of a file; on one of the kernel's threads, or where it is submitted.
    #[allow(dead_code, reason = "files come later; what a disk writes to is tested already")]
    Read { on: RawTarget, start: *mut u8, length: u32, on_worker: bool },
    /// Read what comes next of a pipe or a terminal, or of a file at its position; on one of the
    /// kernel's threads, or where it is submitted.
    ReadNext { on: RawTarget, start: *mut u8, length: u32, on_worker: bool },
    /// Write there, likewise. A pipe without a reader is an error, and the signal `SIGPIPE`.
    WriteNext { on: RawTarget, start: *const u8, length: u32, on_worker: bool },
}

/// When a receive waits for data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Before a first attempt, which would be in vain.
    First,
    /// If a first attempt finds none.
    IfEmpty,
    /// Never: without data, `EAGAIN` is the answer.
    Never,
}

// The backlog holds one for each operation that the kernel has not taken yet.
const _: () = assert!(size_of::<Request>() <= 24);

/// A request, and the name under which it is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Submission {
    pub(crate) key: Key,
    pub(crate) request: Request,
}

/// What a kernel has to be capable of; each operation says what it needs of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Capability {
    Nop,
    Accept,
    AcceptMany,
    Connect,
    Recv,
    RecvLeased,
    RecvMany,
    Send,
    RecvMsg,
    SendMsg,
    Poll,
    PollMany,
    Shutdown,
    Close,
    Cancel,
    Message,
    Read,
    Write,
}

impl Request {
    /// What a kernel has to be capable of for this.
    pub(crate) fn needs(&self) -> Capability {
        match self {
            Self::Nop => Capability::Nop,
            Self::Accept { .. } => Capability::Accept,
            Self::AcceptMany { .. } => Capability::AcceptMany,
            Self::Connect { .. } => Capability::Connect,
            Self::Recv { .. } => Capability::Recv,
            Self::RecvLeased { .. } => Capability::RecvLeased,
            Self::RecvMany { .. } => Capability::RecvMany,
            Self::Send { .. } => Capability::Send,
            Self::RecvMsg { .. } => Capability::RecvMsg,
            Self::SendMsg { .. } => Capability::SendMsg,
            Self::Poll { .. } | Self::PollToWrite { .. } | Self::PollEnd { .. } => Capability::Poll,
            Self::PollMany { .. } => Capability::PollMany,
            Self::Shutdown { .. } => Capability::Shutdown,
            Self::Close { .. } => Capability::Close,
            Self::Cancel { .. } => Capability::Cancel,
            Self::Message { .. } => Capability::Message,
            Self::Read { .. } | Self::ReadNext { .. } => Capability::Read,
            Self::WriteNext { .. } => Capability::Write,
        }
    }
}
