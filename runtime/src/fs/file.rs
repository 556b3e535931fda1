//! `File`: an open file.

use super::mounts::Way;
use super::opening::{self, Opened};
use super::registering::Registering;
use super::{Metadata, OpenOptions, error};
use crate::blocking::blocking_io;
use crate::fd::{Closing, SharedFd};
use crate::op::{Close, OnFile, Place, Statx, SyncOp};
use crate::sys;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::Path;

/// An open file. All that it does takes `&self`; reads and writes say where, so that any number of
/// them can be in flight. For one after the other there is a [`cursor`](Self::cursor); and
/// [`read`](Self::read) and [`write`](Self::write) for what has no places, such as a pipe.
///
/// A file belongs to its core: [`into_std`](Self::into_std) takes it to another. After 64 reads and
/// writes the core's ring keeps the file at hand (Linux 6.15), which makes each further one a
/// little cheaper; as do the buffers of a [`FixedPool`](crate::pool::FixedPool).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs::{self, File};
/// nestling_runtime::block_on(async {
///     let path = std::env::temp_dir().join(format!("nestling-file-{}", std::process::id()));
///     let file = File::options().read(true).write(true).create(true).open(&path).await?;
///     file.write_all_at("hello, world", 0).await.0?;
///     let (result, buffer) = file.read_exact_at(vec![0; 5], 7).await;
///     result?;
///     assert_eq!(buffer, b"world");
///     file.sync_all().await?;
///     file.close().await?;
///     fs::remove_file(&path).await
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct File {
    pub(super) fd: SharedFd,
    /// How it is read and written.
    pub(super) way: Way,
    pub(super) registering: Registering,
}

impl File {
    pub(super) fn new(fd: SharedFd) -> Self {
        Self::with(Opened::of(fd))
    }

    /// # Errors
    ///
    /// `O_NONBLOCK` cannot be taken away again, as under a seccomp filter.
    pub(super) fn of(opened: Opened) -> io::Result<Self> {
        if opened.is_unwaiting {
            sys::set_nonblocking(&opened.fd, false)?;
        }
        Ok(Self::with(opened))
    }

    fn with(opened: Opened) -> Self {
        let registering = Registering::new(opened.known.ok());
        Self { fd: opened.fd, way: opened.way, registering }
    }

    /// Opens a file to be read.
    ///
    /// # Cancellation
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path).await
    }

    /// Opens a file to be written, and makes it, or cuts it to zero bytes.
    ///
    /// # Cancellation
    ///
    /// As [`OpenOptions::open`]. The file may have been cut.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`].
    pub async fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path).await
    }

    /// Other ways to open one.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// A file that was opened elsewhere.
    pub fn from_std(file: fs::File) -> Self {
        Self::new(SharedFd::new(file.into()))
    }

    /// The file, for code that blocks; a duplicate while operations are in flight on it.
    ///
    /// # Errors
    ///
    /// No descriptor is left for a duplicate.
    pub fn into_std(self) -> io::Result<fs::File> {
        self.fd.into_owned().map(fs::File::from)
    }

    /// Another descriptor of the file, for a thread that may block.
    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        self.fd.as_fd().try_clone_to_owned()
    }

    /// What is known about the file: its length, its times, whose it is.
    ///
    /// # Errors
    ///
    /// The errors of `statx(2)`, and cancellation.
    pub async fn metadata(&self) -> io::Result<Metadata> {
        let this = Place::below(self.fd.clone(), CString::default());
        Statx::new(this, libc::AT_EMPTY_PATH).await.map(Metadata::new)
    }

    /// Changes who may do what with the file. Runs on a thread of the pool.
    ///
    /// # Errors
    ///
    /// The errors of `fchmod(2)`, such as `PermissionDenied` for another user's file; and
    /// cancellation.
    pub async fn set_permissions(&self, permissions: fs::Permissions) -> io::Result<()> {
        let file = fs::File::from(self.duplicate()?);
        blocking_io(&"fchmod", move || file.set_permissions(permissions)).await
    }

    /// Waits until the disk keeps all that was written, and what is known about the file. For a
    /// file that was made or renamed, its directory has to be synchronised as well:
    /// [`sync_dir`](super::sync_dir).
    ///
    /// # Cancellation
    ///
    /// After a cancellation the data may be on the disk or not.
    ///
    /// # Errors
    ///
    /// The errors of `fsync(2)`. After one, it is not known what of the writes before is on the
    /// disk, and another call does not tell: the kernel may have dropped what it could not write.
    pub async fn sync_all(&self) -> io::Result<()> {
        OnFile::new(self.fd.clone(), SyncOp { data_only: false }).await
    }

    /// As [`sync_all`](Self::sync_all), without what is not needed to read the bytes, such as the
    /// time of the last change.
    ///
    /// # Errors
    ///
    /// As [`sync_all`](Self::sync_all).
    pub async fn sync_data(&self) -> io::Result<()> {
        OnFile::new(self.fd.clone(), SyncOp { data_only: true }).await
    }

    /// Closes the file, once no operation is in flight on it any more, and reports what the kernel
    /// says. A drop closes the file, too, but an error is lost then.
    ///
    /// # Cancellation
    ///
    /// If the call is cancelled, the file is closed all the same.
    ///
    /// # Errors
    ///
    /// What was written could not be brought to where it belongs, such as to a server; the file is
    /// closed.
    pub async fn close(self) -> io::Result<()> {
        let closing = self.fd.closing();
        let fd = self.fd.into_sole().await;
        match closing {
            Closing::AtOnce if opening::may_call().await => sys::close(fd),
            Closing::AtOnce | Closing::ByRing => Close::of_file(fd).await,
            Closing::Asked | Closing::Gone => Close::new(fd).await,
        }
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Waits until the disk keeps the names in a directory: those that were made, renamed and removed.
///
/// # Errors
///
/// As [`File::open`] and [`File::sync_all`].
///
/// # Examples
///
/// ```
/// nestling_runtime::block_on(nestling_runtime::fs::sync_dir(std::env::temp_dir())).unwrap();
/// ```
pub async fn sync_dir(path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    let directory = File::options().read(true).custom_flags(libc::O_DIRECTORY).open(path).await?;
    directory.sync_all().await.map_err(|error| error::at("synchronise", path, error))
}
