//! Temporary files and directories.

use super::temporary::{Making, Temporary};
use super::{File, OpenOptions, error, path, paths};
use crate::op::{Link, MakeDirectory, OnPath, Place};
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::path::{Path, PathBuf};

/// A file without a name, to be read and written, on the file system of that directory
/// (`O_TMPFILE`). It is gone when it is closed, also by a crash; [`File::link`] gives it a name.
///
/// # Errors
///
/// As [`OpenOptions::open`]; `Unsupported` if the file system has no such files.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs;
/// nestling_runtime::block_on(async {
///     let file = fs::temp_file(std::env::temp_dir()).await?;
///     file.write_all_at("hello", 0).await.0?;
///     assert_eq!(file.metadata().await?.nlink(), 0);
///     Ok(())
/// })
/// # }
/// ```
pub async fn temp_file(directory: impl AsRef<Path>) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE);
    options.open(directory).await
}

impl File {
    /// Gives the file a name, or another one, in one step. The name must be new, and on the same
    /// file system. It works through `/proc`.
    ///
    /// # Errors
    ///
    /// The errors of `link(2)`, such as `AlreadyExists`, with the path; and cancellation, after
    /// which the file may have its name.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::fs;
    /// nestling_runtime::block_on(async {
    ///     let path = std::env::temp_dir().join(format!("nestling-link-{}", std::process::id()));
    ///     let file = fs::temp_file(std::env::temp_dir()).await?;
    ///     file.write_all_at("all of it", 0).await.0?;
    ///     file.link(&path).await?;
    ///     assert_eq!(fs::read(&path).await?, b"all of it");
    ///     fs::remove_file(&path).await
    /// })
    /// # }
    /// ```
    pub async fn link(&self, path: impl AsRef<Path>) -> io::Result<()> {
        const LINK: &str = "link";
        let path = path.as_ref();
        let from = Place::of_open(self.fd.clone());
        let to = path::place(LINK, path)?;
        let linked = OnPath::new(Link { from, to, flags: libc::AT_SYMLINK_FOLLOW }).await;
        linked.map_err(|error| error::at(LINK, path, error))
    }
}

/// A directory with a name of its own, which only its owner may enter. It is removed with all that
/// is in it: by [`close`](Self::close), or when it is dropped.
///
/// A drop removes it on the spot, and the core does nothing else meanwhile; where that is much, end
/// with `close`.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs::{self, TempDir};
/// nestling_runtime::block_on(async {
///     let directory = TempDir::new().await?;
///     fs::write(directory.path().join("file"), "hello").await?;
///     let path = directory.path().to_owned();
///     directory.close().await?;
///     assert!(!fs::try_exists(&path).await?);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct TempDir {
    /// Empty once it was removed.
    path: PathBuf,
}

impl TempDir {
    /// Makes one where the system has temporary files ([`std::env::temp_dir`]).
    ///
    /// # Errors
    ///
    /// As [`create_dir`](super::create_dir).
    pub async fn new() -> io::Result<Self> {
        Self::new_in(std::env::temp_dir()).await
    }

    /// Makes one in a directory.
    ///
    /// # Cancellation
    ///
    /// What is made for a future that is gone is removed.
    ///
    /// # Errors
    ///
    /// As [`create_dir`](super::create_dir).
    pub async fn new_in(directory: impl AsRef<Path>) -> io::Result<Self> {
        loop {
            // Others must not be able to guess the name, and to use it first; if they do, try
            // again.
            let random = RandomState::new().build_hasher().finish();
            let path = directory.as_ref().join(format!("nestling-{random:016x}"));
            let name = Temporary::new(MAKE, path.clone(), libc::AT_REMOVEDIR)?;
            let make = |at| OnPath::new(MakeDirectory { at, mode: 0o700 });
            match Making::new(name, make).await {
                Ok(((), name)) => return Ok(Self { path: name.keep() }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error::at(MAKE, &path, error)),
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the directory: nothing removes it any more.
    pub fn keep(mut self) -> PathBuf {
        std::mem::take(&mut self.path)
    }

    /// Removes the directory, on a thread of the pool.
    ///
    /// # Cancellation
    ///
    /// If the call is cancelled before the removal has begun, the drop removes the directory.
    ///
    /// # Errors
    ///
    /// As [`remove_dir_all`](super::remove_dir_all).
    pub async fn close(mut self) -> io::Result<()> {
        paths::remove_dir_all(&self.path).await?;
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

const MAKE: &str = "make the directory";
