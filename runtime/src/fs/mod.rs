//! Files and directories. Operations on files take `&self`, and say where in the file they are: so
//! any number of them can be in flight at a time. A [`Cursor`] reads and writes one after the
//! other.
//!
//! What is read into and written from is an [owned buffer](crate::buf), which comes back with the
//! result. A file that is dropped is closed after the operations in flight on it: on the spot if
//! neither a server hears of it nor its file system has work to do, as `overlay` has; else by the
//! ring, and then the close belongs to the nursery around the code that dropped it.
//! [`File::close`] reports what the close has to say.
//!
//! # Cancellation
//!
//! Every operation here can be cancelled, and is joined. But a disk cannot be stopped: what it has
//! begun it ends, and the nursery waits for that, as long as a disk takes. So an operation that was
//! cancelled, or whose future was dropped, may have happened or not: a write, a rename, a removal.
//! What an open has made is closed if it comes too late. Buffers stay with the runtime until the
//! kernel is done with them.
//!
//! # What may wait for long
//!
//! | what | where it waits | the bound |
//! |---|---|---|
//! | a disk, a server of a mount | a thread of the kernel's | 64 for each core |
//! | to open a FIFO whose other end is missing | the same, or nowhere | 32 of these 64 |
//! | to read from a server in user space (FUSE) | a thread apart | a quarter of the pool's |
//! | to read an empty pipe, to write a full one | nowhere: it is polled | operations in flight |
//! | for a lock | nowhere: it is tried again | |
//! | to list directories, to resolve names | a thread of the pool | that of the pool |
//!
//! What goes beyond a bound waits in line, visible in a dump, and can be cancelled there. A mount
//! whose server does not answer takes one thread for each operation that is begun on it: limit
//! these ([`Semaphore`](crate::sync::Semaphore)) where that can happen. The threads for reads from
//! servers in user space are shared by all cores and all such mounts: one that does not answer has
//! the others wait, and no other call.
//!
//! Where the kernel has a name in its cache, the ring opens on the spot, for which it may ask a
//! server. So a core knows the mounts that its thread sees (`/proc/thread-self/mountinfo`): where
//! one of them may have a server, which is every kind of file system that is not known to have
//! none, all opens begin on a thread of the kernel's, and so do reads and writes on such a mount;
//! on a mount that the list does not have, such as one that is mounted nowhere; and on all mounts
//! where the list cannot be read. A file that cannot be looked at counts as one on such a mount.
//! Elsewhere what is in the kernel's caches is opened, read whole and closed by plain calls on the
//! spot, where the ring would do it as well.
//!
//! # Servers in user space
//!
//! Reads of a file on a mount of FUSE (also `virtiofs`), and of one that the list of mounts does
//! not have, are plain calls on a thread of the pool, into memory of its own. The kernel's ring
//! would give wrong bytes where the server has its files read past the page cache
//! (`FOPEN_DIRECT_IO`), of which a client is not told: after a short answer, such as at the end of
//! the file, it asks for the rest at the same place, and counts that as well (seen on Linux 6.18).
//! The same fault spoils writes to a descriptor with `O_DIRECT`, so those go there, too; other
//! writes are the ring's. Such a call moves 256 KiB at most, which is a short count, and
//! [`send_file`](crate::io::send_file()) does not splice. A call that has begun is waited for: a
//! cancel does not reach the server.
//!
//! This does not see the standard input, if that is such a file; nor an `overlay` above such a
//! mount.
//!
//! # What waits on the core itself
//!
//! - [`File::from_std`], which is no future, looks at the file, for which 9p and few others ask
//!   their server. So does an open that a link of `/proc` has led to a mount that the list does not
//!   have.
//! - An open, read or write on a mount with a server below an `overlay`; and an open where the
//!   working directory itself is on a mount that the list does not have.
//! - [`PipeReader::open`](crate::io::PipeReader::open) and its like, which are no futures, look
//!   their path up on the spot.
//! - A [`TempDir`] that is dropped, and not [closed](TempDir::close), is removed on the spot.

mod cursor;
mod dir;
mod error;
mod file;
mod file_io;
mod file_space;
mod lock;
mod metadata;
mod mounts;
mod open_options;
mod opening;
mod path;
mod paths;
mod placed;
mod pooled;
mod read_dir;
mod registering;
mod splicing;
mod temp;
mod temporary;
mod walk;
mod whole;

pub use cursor::Cursor;
pub use dir::Dir;
pub use error::PathError;
pub use file::{File, sync_dir};
pub use file_space::Advice;
pub use metadata::{FileType, Metadata};
pub(crate) use mounts::Mounts;
pub use open_options::OpenOptions;
pub(crate) use opening::Waiting;
pub use paths::{
    canonicalize, create_dir, create_dir_all, hard_link, metadata, read_link, remove_dir,
    remove_dir_all, remove_file, rename, set_permissions, symlink, symlink_metadata, try_exists,
};
pub use read_dir::{DirEntry, ReadDir, read_dir};
pub use temp::{TempDir, temp_file};
pub use walk::{Walk, walk};
pub use whole::{read, read_to_string, replace, write};
