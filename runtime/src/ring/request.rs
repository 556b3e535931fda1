//! `Request`: what a kernel is asked, as plain values that any kernel can read.
//!
//! ```text
//!   op/  Recv { socket, buffer } ──▶ Request::Recv { on, start, length } ──▶ a kernel's own words
//! ```

use crate::fd::RawTarget;
use crate::key::Key;
use libc::iovec;
use std::ffi::c_char;
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
    /// Receive as `RecvLeased` does, again and again; each receive has an answer of its own.
    RecvMany { on: RawTarget, group: u16 },
    /// Receive messages, each into a buffer of this group, behind what is told of it: see
    /// [`InBuffer`](super::InBuffer). The header says how much room that has.
    RecvMsgMany { on: RawTarget, header: *const libc::msghdr, group: u16 },
    /// Send at most so many bytes; a broken connection is an error and no signal.
    Send { on: RawTarget, start: *const u8, length: u32 },
    /// Send a datagram of so many bytes to an address of this length.
    SendTo {
        on: RawTarget,
        start: *const u8,
        length: u32,
        to: *const libc::sockaddr,
        to_length: u16,
    },
    /// Send at most so many bytes from where they are. A result that says so is followed by a
    /// notification when the kernel is done with them.
    SendZc { on: RawTarget, start: *const u8, length: u32 },
    /// Receive one message as the header says, or a part of a stream; with `flags` as of
    /// recvmsg(2). The kernel writes to the header how the message came.
    RecvMsg { on: RawTarget, header: *mut libc::msghdr, flags: libc::c_int, poll_first: bool },
    /// Send one message as the header says, with `flags` as of sendmsg(2); a broken connection is
    /// an error and no signal.
    SendMsg { on: RawTarget, header: *const libc::msghdr, flags: libc::c_int },
    /// Tell when one direction is ready, or broken.
    Poll { on: RawTarget, interest: Interest },
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
    /// Read from a place in a file; on one of the kernel's threads, or where it is submitted. What
    /// has no places, such as a pipe, gives what comes next: see [`NEXT`].
    Read { on: RawTarget, start: *mut u8, length: u32, offset: u64, on_worker: bool },
    /// Write to a place in a file; on one of the kernel's threads, or where it is submitted. A pipe
    /// without a reader is an error, and the signal `SIGPIPE`.
    Write { on: RawTarget, start: *const u8, length: u32, offset: u64, on_worker: bool },
    /// Read into several buffers, one after the other.
    ReadEach { on: RawTarget, parts: *const iovec, count: u32, offset: u64, on_worker: bool },
    /// Write from several buffers, one after the other.
    WriteEach { on: RawTarget, parts: *const iovec, count: u32, offset: u64, on_worker: bool },
    /// Move at most so many bytes from a place in a file into a pipe, as of splice(2); always on
    /// one of the kernel's threads.
    Splice { from: RawTarget, offset: u64, to: RawFd, length: u32 },
    /// Have the disk keep what was written; `data_only` without what reads do not need.
    Sync { on: RawTarget, data_only: bool },
    /// Write a part of a file back, as of sync_file_range(2); zero bytes reach to its end.
    SyncRange { on: RawTarget, offset: u64, length: u32, flags: u32 },
    /// Allocate or free a part of a file, as of fallocate(2).
    Allocate { on: RawTarget, mode: i32, offset: u64, length: u64 },
    /// Cut a file to so many bytes, or extend it with zeros.
    Truncate { on: RawTarget, length: u64 },
    /// Tell how a part of a file will be used, as of posix_fadvise(2); zero bytes reach to its end.
    Advise { on: RawTarget, advice: i32, offset: u64, length: u32 },
    /// Open what is at a path, as of openat2(2); on one of the kernel's threads, or where it is
    /// submitted.
    Open { dir: RawFd, path: *const c_char, how: *const OpenHow, on_worker: bool },
    /// Look at what is at a path, as of statx(2).
    Statx { dir: RawFd, path: *const c_char, flags: i32, mask: u32, into: *mut libc::statx },
    /// Remove a name, as of unlinkat(2).
    Unlink { dir: RawFd, path: *const c_char, flags: i32 },
    /// Give another name, as of renameat2(2).
    Rename { from: RawPath, to: RawPath, flags: u32 },
    /// Make a directory.
    MakeDirectory { dir: RawFd, path: *const c_char, mode: u32 },
    /// Make a symbolic link at `path`.
    Symlink { dir: RawFd, target: *const c_char, path: *const c_char },
    /// Give a second name, as of linkat(2).
    Link { from: RawPath, to: RawPath, flags: i32 },
}

/// Stands for the position of a file; what has none, such as a pipe, takes it as well.
pub(crate) const NEXT: u64 = u64::MAX;

/// What is waited for on a descriptor. Errors, and the end of the other side, count as both.
///
/// # Examples
///
/// See [`AsyncFd`](crate::io::AsyncFd).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Something can be read.
    Readable,
    /// Something can be written.
    Writable,
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

// The backlog holds one for each operation that the kernel has not taken yet. A read of a file has
// a place besides the memory, which is what takes more than 24 bytes; a box for that would be an
// allocation for each read.
const _: () = assert!(size_of::<Request>() <= 32);

/// A path, from an open directory or (`AT_FDCWD`) from that of the process. Packed, so that two
/// of them leave room for flags.
#[derive(Debug, Clone, Copy)]
#[repr(C, packed(4))]
pub(crate) struct RawPath {
    pub(crate) dir: RawFd,
    pub(crate) path: *const c_char,
}

/// How to open something: `struct open_how` of openat2(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct OpenHow {
    pub(crate) flags: u64,
    pub(crate) mode: u64,
    pub(crate) resolve: u64,
}

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
    SendTo,
    SendZc,
    RecvMsg,
    RecvMsgMany,
    SendMsg,
    Poll,
    PollMany,
    Shutdown,
    Close,
    Cancel,
    Message,
    Read,
    Write,
    ReadEach,
    WriteEach,
    Splice,
    Sync,
    SyncRange,
    Allocate,
    Truncate,
    Advise,
    Open,
    Statx,
    Unlink,
    Rename,
    MakeDirectory,
    Symlink,
    Link,
}

impl Capability {
    /// What only some of the supported kernels have. The start asks for it and goes on without;
    /// what uses it asks the driver.
    pub(crate) const OPTIONAL: &[Self] = &[Self::Truncate];
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
            Self::RecvMsgMany { .. } => Capability::RecvMsgMany,
            Self::Send { .. } => Capability::Send,
            Self::SendTo { .. } => Capability::SendTo,
            Self::SendZc { .. } => Capability::SendZc,
            Self::RecvMsg { .. } => Capability::RecvMsg,
            Self::SendMsg { .. } => Capability::SendMsg,
            Self::Poll { .. } | Self::PollEnd { .. } => Capability::Poll,
            Self::PollMany { .. } => Capability::PollMany,
            Self::Shutdown { .. } => Capability::Shutdown,
            Self::Close { .. } => Capability::Close,
            Self::Cancel { .. } => Capability::Cancel,
            Self::Message { .. } => Capability::Message,
            Self::Read { .. } => Capability::Read,
            Self::Write { .. } => Capability::Write,
            Self::ReadEach { .. } => Capability::ReadEach,
            Self::WriteEach { .. } => Capability::WriteEach,
            Self::Splice { .. } => Capability::Splice,
            Self::Sync { .. } => Capability::Sync,
            Self::SyncRange { .. } => Capability::SyncRange,
            Self::Allocate { .. } => Capability::Allocate,
            Self::Truncate { .. } => Capability::Truncate,
            Self::Advise { .. } => Capability::Advise,
            Self::Open { .. } => Capability::Open,
            Self::Statx { .. } => Capability::Statx,
            Self::Unlink { .. } => Capability::Unlink,
            Self::Rename { .. } => Capability::Rename,
            Self::MakeDirectory { .. } => Capability::MakeDirectory,
            Self::Symlink { .. } => Capability::Symlink,
            Self::Link { .. } => Capability::Link,
        }
    }
}
