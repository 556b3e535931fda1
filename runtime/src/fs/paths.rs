//! What is done with paths: directories, links, names.

use super::{Metadata, error, path};
use crate::blocking::blocking_io;
use crate::op::{Link, MakeDirectory, OnPath, Rename, Statx, Symlink, Unlink};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is known about what is at a path; symbolic links are followed.
///
/// # Errors
///
/// The errors of `statx(2)`, such as `NotFound`, with the path; and cancellation.
///
/// # Examples
///
/// See [`Metadata`].
pub async fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    look(path.as_ref(), 0).await
}

/// As [`metadata`], of a symbolic link itself.
///
/// # Errors
///
/// As [`metadata`].
pub async fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    look(path.as_ref(), libc::AT_SYMLINK_NOFOLLOW).await
}

async fn look(path: &Path, flags: i32) -> io::Result<Metadata> {
    const LOOK: &str = "look at";
    let found = Statx::new(path::place(LOOK, path)?, flags).await;
    found.map(Metadata::new).map_err(|error| error::at(LOOK, path, error))
}

/// Whether something is at a path.
///
/// # Errors
///
/// The answer cannot be found out, such as in a directory which may not be searched; and
/// cancellation.
///
/// # Examples
///
/// ```
/// assert!(nestling_runtime::block_on(nestling_runtime::fs::try_exists("/")).unwrap());
/// ```
pub async fn try_exists(path: impl AsRef<Path>) -> io::Result<bool> {
    match metadata(path).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes a directory, with the permissions `0o777` without the process's umask.
///
/// # Cancellation
///
/// After a cancellation the call may have had its effect or not, here and in everything below.
///
/// # Errors
///
/// The errors of `mkdir(2)`, such as `AlreadyExists`, with the path; and cancellation.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs;
/// nestling_runtime::block_on(async {
///     let path = std::env::temp_dir().join(format!("nestling-dir-{}", std::process::id()));
///     fs::create_dir(&path).await?;
///     fs::write(path.join("one"), "1").await?;
///     fs::rename(path.join("one"), path.join("two")).await?;
///     fs::symlink("two", path.join("three")).await?;
///     assert_eq!(fs::read_to_string(path.join("three")).await?, "1");
///     fs::remove_dir_all(&path).await
/// })
/// # }
/// ```
pub async fn create_dir(path: impl AsRef<Path>) -> io::Result<()> {
    const MAKE: &str = "make the directory";
    let path = path.as_ref();
    let made = OnPath::new(MakeDirectory { at: path::place(MAKE, path)?, mode: 0o777 }).await;
    made.map_err(|error| error::at(MAKE, path, error))
}

/// Makes a directory, and those around it that are missing. Runs on a thread of the pool.
///
/// # Errors
///
/// As [`create_dir`], but a directory that is there already is no error.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    let make = |path: &Path| fs::create_dir_all(path);
    on_pool(&"mkdir, all", "make the directory", path.as_ref(), make).await
}

/// Removes a file, or another name that is no directory.
///
/// # Errors
///
/// The errors of `unlink(2)`, with the path; and cancellation.
pub async fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    remove(path.as_ref(), 0).await
}

/// Removes an empty directory.
///
/// # Errors
///
/// The errors of `rmdir(2)`, such as `DirectoryNotEmpty`, with the path; and cancellation.
pub async fn remove_dir(path: impl AsRef<Path>) -> io::Result<()> {
    remove(path.as_ref(), libc::AT_REMOVEDIR).await
}

async fn remove(path: &Path, flags: i32) -> io::Result<()> {
    const REMOVE: &str = "remove";
    let removed = OnPath::new(Unlink { at: path::place(REMOVE, path)?, flags }).await;
    removed.map_err(|error| error::at(REMOVE, path, error))
}

/// Removes a directory with all that is in it. Symbolic links are not followed. Runs on a thread of
/// the pool, and goes on to its end once it has begun, as long as that takes.
///
/// # Errors
///
/// The errors of `std::fs::remove_dir_all`, with the path; and cancellation.
pub async fn remove_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    on_pool(&"remove_dir_all", "remove", path.as_ref(), |path| fs::remove_dir_all(path)).await
}

/// Gives something another name, in one step: a look-up sees either. What had the new name is
/// gone. [`sync_dir`](super::sync_dir) has the disk keep it.
///
/// # Errors
///
/// The errors of `rename(2)`, such as `CrossesDevices`, with the old path; and cancellation.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    const RENAME: &str = "rename";
    let (from, to) = (from.as_ref(), to.as_ref());
    let places = (path::place(RENAME, from)?, path::place(RENAME, to)?);
    let renamed = OnPath::new(Rename { from: places.0, to: places.1, flags: 0 }).await;
    renamed.map_err(|error| error::at(RENAME, from, error))
}

/// Gives the file at `original` a second name, `link`. A symbolic link there is not followed.
///
/// # Errors
///
/// The errors of `link(2)`, with the new path; and cancellation.
pub async fn hard_link(original: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    const LINK: &str = "make the link";
    let (original, link) = (original.as_ref(), link.as_ref());
    let (from, to) = (path::place(LINK, original)?, path::place(LINK, link)?);
    let linked = OnPath::new(Link { from, to, flags: 0 }).await;
    linked.map_err(|error| error::at(LINK, link, error))
}

/// Makes a symbolic link at `link`, which leads to `target`.
///
/// # Errors
///
/// The errors of `symlink(2)`, with the path of the link; and cancellation.
pub async fn symlink(target: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    const LINK: &str = "make the symbolic link";
    let (target, link) = (target.as_ref(), link.as_ref());
    let (target, at) = (path::text(LINK, target)?, path::place(LINK, link)?);
    let linked = OnPath::new(Symlink { target, at }).await;
    linked.map_err(|error| error::at(LINK, link, error))
}

/// Where a symbolic link leads to. Runs on a thread of the pool.
///
/// # Errors
///
/// No symbolic link is at the path; and cancellation.
pub async fn read_link(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    on_pool(&"readlink", "follow", path.as_ref(), |path| fs::read_link(path)).await
}

/// The path from the root, without symbolic links. Runs on a thread of the pool.
///
/// # Errors
///
/// Nothing is at the path; and cancellation.
pub async fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    on_pool(&"canonicalize", "resolve", path.as_ref(), |path| fs::canonicalize(path)).await
}

/// Changes who may do what with what is at a path; symbolic links are followed. Runs on a thread of
/// the pool.
///
/// # Errors
///
/// The errors of `chmod(2)`, with the path; and cancellation.
pub async fn set_permissions(
    path: impl AsRef<Path>,
    permissions: fs::Permissions,
) -> io::Result<()> {
    let change = move |path: &Path| fs::set_permissions(path, permissions);
    on_pool(&"chmod", "change the permissions of", path.as_ref(), change).await
}

/// Runs on a thread of the pool what no ring has.
pub(super) async fn on_pool<T: Send + 'static>(
    name: &'static &'static str,
    what: &'static str,
    path: &Path,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let owned = path.to_owned();
    let ended = blocking_io(name, move || work(&owned)).await;
    ended.map_err(|error| error::at(what, path, error))
}
