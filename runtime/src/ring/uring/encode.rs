//! From requests to the entries of the kernel's interface.

use super::encode_files::on_files;
use super::registered::Registered;
use crate::fd::RawTarget;
use crate::ring::{Capability, Interest, Request, Submission, Wait};
use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;
use std::net::Shutdown;
use std::ptr;

/// `IORING_RECVSEND_POLL_FIRST`: wait for data before trying to take some.
const POLL_FIRST: u16 = 1;

/// `IORING_SEND_ZC_REPORT_USAGE`: have the notification say whether there was a copy after all.
const REPORT_USAGE: u16 = 1 << 3;

const READABLE: u32 = libc::POLLIN as u32;
const WRITABLE: u32 = libc::POLLOUT as u32;
/// A broken connection is told of in any case.
const ENDED: u32 = libc::POLLRDHUP as u32;

/// The operation that a capability stands for: its code, its name, and the release that brought the
/// youngest of the features that are used.
pub(super) fn operation(capability: Capability) -> (u8, &'static str, &'static str) {
    match capability {
        Capability::Nop => (opcode::Nop::CODE, "IORING_OP_NOP", "5.1"),
        Capability::Accept => (opcode::Accept::CODE, "IORING_OP_ACCEPT", "5.5"),
        Capability::AcceptMany => {
            (opcode::AcceptMulti::CODE, "IORING_OP_ACCEPT", "5.19 (multishot)")
        }
        Capability::Connect => (opcode::Connect::CODE, "IORING_OP_CONNECT", "5.5"),
        Capability::Recv => (opcode::Recv::CODE, "IORING_OP_RECV", "5.6"),
        Capability::RecvLeased => (opcode::Recv::CODE, "IORING_OP_RECV", "5.19 (buffer rings)"),
        Capability::RecvMany => (opcode::RecvMulti::CODE, "IORING_OP_RECV", "6.0 (multishot)"),
        Capability::Send => (opcode::Send::CODE, "IORING_OP_SEND", "5.6"),
        Capability::SendTo => (opcode::Send::CODE, "IORING_OP_SEND", "6.1 (with an address)"),
        Capability::SendZc => (opcode::SendZc::CODE, "IORING_OP_SEND_ZC", "6.0"),
        Capability::RecvMsg => (opcode::RecvMsg::CODE, "IORING_OP_RECVMSG", "5.3"),
        Capability::RecvMsgMany => {
            (opcode::RecvMsgMulti::CODE, "IORING_OP_RECVMSG", "6.0 (multishot)")
        }
        Capability::SendMsg => (opcode::SendMsg::CODE, "IORING_OP_SENDMSG", "5.3"),
        Capability::Poll => (opcode::PollAdd::CODE, "IORING_OP_POLL_ADD", "5.1"),
        Capability::PollMany => (opcode::PollAdd::CODE, "IORING_OP_POLL_ADD", "5.13 (multishot)"),
        Capability::Shutdown => (opcode::Shutdown::CODE, "IORING_OP_SHUTDOWN", "5.11"),
        Capability::Close => (opcode::Close::CODE, "IORING_OP_CLOSE", "5.6"),
        Capability::Cancel => (opcode::AsyncCancel::CODE, "IORING_OP_ASYNC_CANCEL", "5.5"),
        Capability::Message => (opcode::MsgRingData::CODE, "IORING_OP_MSG_RING", "5.18"),
        Capability::Read => (opcode::Read::CODE, "IORING_OP_READ", "5.6"),
        Capability::Write => (opcode::Write::CODE, "IORING_OP_WRITE", "5.6"),
        Capability::ReadEach => (opcode::Readv::CODE, "IORING_OP_READV", "5.1"),
        Capability::WriteEach => (opcode::Writev::CODE, "IORING_OP_WRITEV", "5.1"),
        Capability::Splice => (opcode::Splice::CODE, "IORING_OP_SPLICE", "5.7"),
        Capability::Sync => (opcode::Fsync::CODE, "IORING_OP_FSYNC", "5.1"),
        Capability::SyncRange => (opcode::SyncFileRange::CODE, "IORING_OP_SYNC_FILE_RANGE", "5.2"),
        Capability::Allocate => (opcode::Fallocate::CODE, "IORING_OP_FALLOCATE", "5.6"),
        Capability::Truncate => (opcode::Ftruncate::CODE, "IORING_OP_FTRUNCATE", "6.9"),
        Capability::Advise => (opcode::Fadvise::CODE, "IORING_OP_FADVISE", "5.6"),
        Capability::Open => (opcode::OpenAt2::CODE, "IORING_OP_OPENAT2", "5.6"),
        Capability::Statx => (opcode::Statx::CODE, "IORING_OP_STATX", "5.6"),
        Capability::Unlink => (opcode::UnlinkAt::CODE, "IORING_OP_UNLINKAT", "5.11"),
        Capability::Rename => (opcode::RenameAt::CODE, "IORING_OP_RENAMEAT", "5.11"),
        Capability::MakeDirectory => (opcode::MkDirAt::CODE, "IORING_OP_MKDIRAT", "5.15"),
        Capability::Symlink => (opcode::SymlinkAt::CODE, "IORING_OP_SYMLINKAT", "5.15"),
        Capability::Link => (opcode::LinkAt::CODE, "IORING_OP_LINKAT", "5.15"),
    }
}

pub(super) fn fd(on: RawTarget) -> Fd {
    Fd(on.descriptor())
}

/// How a receive waits, in flags of the ring's and of the socket's.
fn how(wait: Wait) -> (u16, i32) {
    match wait {
        Wait::First => (POLL_FIRST, 0),
        Wait::IfEmpty => (0, 0),
        Wait::Never => (0, libc::MSG_DONTWAIT),
    }
}

/// Where an operation runs: on one of the kernel's threads, or where it is submitted.
pub(super) fn place(on_worker: bool) -> Flags {
    if on_worker { Flags::ASYNC } else { Flags::empty() }
}

fn events(interest: Interest) -> u32 {
    match interest {
        Interest::Readable => READABLE,
        Interest::Writable => WRITABLE,
    }
}

fn direction(how: Shutdown) -> i32 {
    match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    }
}

/// The entry for a request.
#[inline(always)]
pub(super) fn entry(submission: &Submission, registered: &Registered) -> Entry {
    let Submission { key, request } = *submission;
    let entry = match request {
        Request::Nop => opcode::Nop::new().build(),
        Request::Recv { on, start, length, wait } => {
            let (first, flags) = how(wait);
            opcode::Recv::new(fd(on), start, length).ioprio(first).flags(flags).build()
        }
        Request::RecvLeased { on, group, wait } => {
            let (first, flags) = how(wait);
            let recv = opcode::Recv::new(fd(on), ptr::null_mut(), 0).ioprio(first).flags(flags);
            recv.buf_group(group).build().flags(Flags::BUFFER_SELECT)
        }
        Request::RecvMany { on, group } => opcode::RecvMulti::new(fd(on), group).build(),
        Request::Send { on, start, length } => {
            opcode::Send::new(fd(on), start, length).flags(libc::MSG_NOSIGNAL).build()
        }
        Request::SendTo { on, start, length, to, to_length } => {
            let send = opcode::Send::new(fd(on), start, length).flags(libc::MSG_NOSIGNAL);
            send.dest_addr(to).dest_addr_len(to_length.into()).build()
        }
        Request::SendZc { on, start, length } => opcode::SendZc::new(fd(on), start, length)
            .flags(libc::MSG_NOSIGNAL)
            .zc_flags(REPORT_USAGE)
            .build(),
        Request::RecvMsg { on, header, flags, poll_first } => {
            let first = if poll_first { POLL_FIRST } else { 0 };
            let flags = flags as u32 | libc::MSG_CMSG_CLOEXEC as u32;
            opcode::RecvMsg::new(fd(on), header).flags(flags).ioprio(first).build()
        }
        Request::RecvMsgMany { on, header, group } => {
            let flags = libc::MSG_CMSG_CLOEXEC as u32;
            opcode::RecvMsgMulti::new(fd(on), header, group).flags(flags).build()
        }
        Request::SendMsg { on, header, flags } => {
            let flags = (flags | libc::MSG_NOSIGNAL) as u32;
            opcode::SendMsg::new(fd(on), header).flags(flags).build()
        }
        Request::Accept { on, address, length } => {
            opcode::Accept::new(fd(on), address, length).flags(libc::SOCK_CLOEXEC).build()
        }
        Request::AcceptMany { on } => {
            opcode::AcceptMulti::new(fd(on)).flags(libc::SOCK_CLOEXEC).build()
        }
        Request::Connect { on, address, length, on_worker } => {
            opcode::Connect::new(fd(on), address, length).build().flags(place(on_worker))
        }
        Request::Poll { on, interest } => opcode::PollAdd::new(fd(on), events(interest)).build(),
        Request::PollEnd { on } => opcode::PollAdd::new(fd(on), ENDED).build(),
        Request::PollMany { on } => opcode::PollAdd::new(fd(on), READABLE).multi(true).build(),
        Request::Shutdown { on, how } => opcode::Shutdown::new(fd(on), direction(how)).build(),
        Request::Close { on } => opcode::Close::new(fd(on)).build(),
        Request::Cancel { target } => {
            opcode::AsyncCancel::new(target.user_data()).build().flags(Flags::SKIP_SUCCESS)
        }
        Request::Message { ring, key } => {
            let message = opcode::MsgRingData::new(Fd(ring), 0, key.user_data(), None);
            message.build().flags(Flags::SKIP_SUCCESS)
        }
        Request::Read { on, start, length, offset, on_worker } => {
            registered.read(on, (start, length), offset, on_worker)
        }
        Request::Write { on, start, length, offset, on_worker } => {
            registered.write(on, (start, length), offset, on_worker)
        }
        _ => on_files(request, registered),
    };
    entry.user_data(key.user_data())
}
