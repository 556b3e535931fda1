//! The entries for what is done less often than a read: with files as a whole, and with paths.

use super::encode::{fd, place};
use super::registered::Registered;
use crate::ring::Request;
use io_uring::opcode;
use io_uring::squeue::Entry;
use io_uring::types::{Fd, FsyncFlags};

/// The entry for a request that no other kernel part has encoded.
pub(super) fn on_files(request: Request, registered: &Registered) -> Entry {
    match request {
        Request::ReadEach { on, parts, count, offset, on_worker } => {
            let (on, flags) = registered.on(on);
            let read = opcode::Readv::new(on, parts, count).offset(offset).build();
            read.flags(flags | place(on_worker))
        }
        Request::WriteEach { on, parts, count, offset, on_worker } => {
            let (on, flags) = registered.on(on);
            let write = opcode::Writev::new(on, parts, count).offset(offset).build();
            write.flags(flags | place(on_worker))
        }
        Request::Splice { from, offset, to, length } => {
            // Offsets are those of splice(2), where a pipe has none. It does not wait for the pipe.
            let splice = opcode::Splice::new(fd(from), offset as i64, Fd(to), -1, length);
            splice.flags(libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK).build()
        }
        Request::Sync { on, data_only } => {
            let flags = if data_only { FsyncFlags::DATASYNC } else { FsyncFlags::empty() };
            opcode::Fsync::new(fd(on)).flags(flags).build()
        }
        Request::SyncRange { on, offset, length, flags } => {
            opcode::SyncFileRange::new(fd(on), length).offset(offset).flags(flags).build()
        }
        Request::Allocate { on, mode, offset, length } => {
            opcode::Fallocate::new(fd(on), length).offset(offset).mode(mode).build()
        }
        Request::Truncate { on, length } => opcode::Ftruncate::new(fd(on), length).build(),
        Request::Advise { on, advice, offset, length } => {
            opcode::Fadvise::new(fd(on), length.into(), advice).offset(offset).build()
        }
        _ => on_paths(request),
    }
}

fn on_paths(request: Request) -> Entry {
    match request {
        Request::Open { dir, path, how, on_worker } => {
            opcode::OpenAt2::new(Fd(dir), path, how.cast()).build().flags(place(on_worker))
        }
        Request::Statx { dir, path, flags, mask, into } => {
            opcode::Statx::new(Fd(dir), path, into.cast()).flags(flags).mask(mask).build()
        }
        Request::Unlink { dir, path, flags } => {
            opcode::UnlinkAt::new(Fd(dir), path).flags(flags).build()
        }
        Request::Rename { from, to, flags } => {
            opcode::RenameAt::new(Fd(from.dir), from.path, Fd(to.dir), to.path).flags(flags).build()
        }
        Request::MakeDirectory { dir, path, mode } => {
            opcode::MkDirAt::new(Fd(dir), path).mode(mode).build()
        }
        Request::Symlink { dir, target, path } => {
            opcode::SymlinkAt::new(Fd(dir), target, path).build()
        }
        Request::Link { from, to, flags } => {
            opcode::LinkAt::new(Fd(from.dir), from.path, Fd(to.dir), to.path).flags(flags).build()
        }
        _ => unreachable!("{request:?} is encoded elsewhere"),
    }
}
