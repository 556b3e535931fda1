//! `ReadDir`: the entries of a directory, listed on threads of the pool.
//!
//! Rings cannot list directories. A thread lists a batch; the next one is listed when that has been
//! taken. So a directory of a million entries needs the memory of a few hundred.

use super::{FileType, Metadata, error, paths};
use crate::blocking::blocking_io;
use crate::yield_now::consume_budget;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

/// Entries that are listed in one go: enough that the switch to the thread and back costs each of
/// them little, and so few that they take some ten kilobytes.
const BATCH: usize = 256;

/// The entries of a directory, in no order; without `.` and `..`. Made by [`read_dir`].
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs;
/// nestling_runtime::block_on(async {
///     let mut names = Vec::new();
///     let mut entries = fs::read_dir("/proc/self").await?;
///     while let Some(entry) = entries.next_entry().await? {
///         names.push(entry.file_name().to_owned());
///     }
///     assert!(names.contains(&"status".into()));
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct ReadDir {
    parent: Arc<Path>,
    listing: Arc<Mutex<Listing>>,
}

/// What a thread goes on with. It is shared, so that nothing is lost of a batch whose future is
/// gone.
#[derive(Debug)]
struct Listing {
    entries: fs::ReadDir,
    batch: VecDeque<DirEntry>,
    ended: bool,
    /// What the listing goes through, if that is an open directory.
    _directory: Option<OwnedFd>,
}

impl Listing {
    /// Lists the next batch, unless there is one. Entries before an error stay.
    fn fill(&mut self, parent: &Arc<Path>) -> io::Result<()> {
        while !self.ended && self.batch.len() < BATCH {
            match self.entries.next() {
                Some(entry) => self.batch.push_back(DirEntry::new(parent, &entry?)),
                None => self.ended = true,
            }
        }
        Ok(())
    }
}

/// Lists a directory. Runs on threads of the pool.
///
/// # Errors
///
/// The errors of `opendir(3)`, with the path; and cancellation.
///
/// # Examples
///
/// See [`ReadDir`].
pub async fn read_dir(path: impl AsRef<Path>) -> io::Result<ReadDir> {
    let path = path.as_ref();
    ReadDir::open(path, path.to_owned(), None).await
}

const LIST: &str = "list";

impl ReadDir {
    /// Lists what is at `path`, which is `shown` to users; the descriptor is kept open meanwhile.
    pub(super) async fn open(
        shown: &Path,
        path: PathBuf,
        directory: Option<OwnedFd>,
    ) -> io::Result<Self> {
        let parent: Arc<Path> = shown.into();
        let entries = blocking_io(&"opendir", move || {
            let entries = fs::read_dir(path)?;
            Ok(Listing { entries, batch: VecDeque::new(), ended: false, _directory: directory })
        });
        let listing = entries.await.map_err(|source| error::at(LIST, shown, source))?;
        Ok(Self { parent, listing: Arc::new(Mutex::new(listing)) })
    }

    /// The next entry; `None` after the last.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// The errors of `readdir(3)`, with the path of the directory; and cancellation.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        // Before an entry is taken, which would be lost with this future.
        consume_budget().await;
        loop {
            match self.pop() {
                Some(next) => return Ok(next),
                None => self.fill().await?,
            }
        }
    }

    /// What has been listed; empty after the end.
    pub(super) async fn next_batch(&mut self) -> io::Result<VecDeque<DirEntry>> {
        self.fill().await?;
        let mut listing = self.listing.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut listing.batch))
    }

    /// What is there already: an entry, or the end.
    fn pop(&self) -> Option<Option<DirEntry>> {
        let mut listing = match self.listing.try_lock() {
            Ok(listing) => listing,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A thread lists for a future that is gone: the next one waits for it.
            Err(TryLockError::WouldBlock) => return None,
        };
        match listing.batch.pop_front() {
            None if !listing.ended => None,
            next => Some(next),
        }
    }

    async fn fill(&self) -> io::Result<()> {
        let (parent, listing) = (Arc::clone(&self.parent), Arc::clone(&self.listing));
        let filled = blocking_io(&"readdir", move || {
            listing.lock().unwrap_or_else(PoisonError::into_inner).fill(&parent)
        });
        filled.await.map_err(|source| error::at(LIST, &self.parent, source))
    }
}

/// Something in a directory. Made by [`ReadDir`] and [`Walk`](super::Walk).
///
/// # Examples
///
/// See [`ReadDir`].
#[derive(Debug, Clone)]
pub struct DirEntry {
    parent: Arc<Path>,
    name: OsString,
    kind: FileType,
    ino: u64,
}

impl DirEntry {
    fn new(parent: &Arc<Path>, entry: &fs::DirEntry) -> Self {
        // Not every file system tells the kind with the name: then the thread looks. What is gone
        // by then is of no kind.
        let kind = entry.file_type().map_or(FileType::UNKNOWN, FileType::of);
        Self { parent: Arc::clone(parent), name: entry.file_name(), kind, ino: entry.ino() }
    }

    /// Its name in the directory.
    pub fn file_name(&self) -> &OsStr {
        &self.name
    }

    /// The path of the directory, as that was given, and the name.
    pub fn path(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// What kind of file it is; of a symbolic link, that it is one.
    pub fn file_type(&self) -> FileType {
        self.kind
    }

    /// Its number on its device.
    pub fn ino(&self) -> u64 {
        self.ino
    }

    /// What is known about it; of a symbolic link, about the link itself. Of an entry of a
    /// [`Dir`](super::Dir), ask that directory.
    ///
    /// # Errors
    ///
    /// As [`symlink_metadata`](super::symlink_metadata).
    pub async fn metadata(&self) -> io::Result<Metadata> {
        paths::symlink_metadata(self.path()).await
    }
}
