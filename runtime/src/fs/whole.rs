//! Whole files in one call.

use super::temporary::{self, Temporary};
use super::{File, OpenOptions, error, paths, sync_dir};
use crate::buf::IoBuf;
use crate::scope::is_cancelled;
use std::fs::Permissions;
use std::io;
use std::path::Path;

/// All that is in a file.
///
/// # Errors
///
/// As [`File::open`] and [`File::read_to_end`].
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs;
/// nestling_runtime::block_on(async {
///     let path = std::env::temp_dir().join(format!("nestling-whole-{}", std::process::id()));
///     fs::write(&path, "hello").await?;
///     fs::replace(&path, "hello, world").await?;
///     assert_eq!(fs::read(&path).await?, b"hello, world");
///     fs::remove_file(&path).await
/// })
/// # }
/// ```
pub async fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    let opened = OpenOptions::new().read(true).open_seen(path).await?;
    File::read_whole(opened).await.map_err(|error| error::at("read", path, error))
}

/// All that is in a file, which is text.
///
/// # Errors
///
/// As [`read`]; `InvalidData` if it is not UTF-8.
///
/// # Examples
///
/// See [`read`].
pub async fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    let path = path.as_ref();
    String::from_utf8(read(path).await?).map_err(|source| {
        let source = io::Error::new(io::ErrorKind::InvalidData, source.utf8_error());
        error::at("read", path, source)
    })
}

/// Makes a file of these bytes, or has one that is there be of these.
///
/// # Cancellation
///
/// A read of the file meanwhile, or after a cancel, a crash or an error, may find a part of it:
/// see [`replace`].
///
/// # Errors
///
/// As [`File::create`] and [`File::write_all_at`].
///
/// # Examples
///
/// See [`read`].
pub async fn write<B: IoBuf>(path: impl AsRef<Path>, bytes: B) -> io::Result<()> {
    let path = path.as_ref();
    let file = File::create(path).await?;
    file.write_all_at(bytes, 0).await.0.map_err(|error| error::at("write", path, error))
}

/// Has a file be of these bytes, all at once: a read finds the old bytes or the new ones,
/// also after a crash; and when this has returned, the disk keeps the new ones. They are written to
/// a temporary file beside it, which then takes its name, its permissions and, as far as the
/// process may do that, nothing else: other names of the old file keep the old bytes.
///
/// # Cancellation
///
/// Cancelled or dropped on the way, the old bytes or the new ones are there; the temporary file is
/// removed.
///
/// # Errors
///
/// As [`File::create`], [`File::write_all_at`], [`File::sync_all`] and [`rename`](super::rename).
/// The old bytes are there still, but for an error of the last step, to synchronise the directory:
/// then they may come back after a crash.
///
/// # Examples
///
/// See [`read`].
pub async fn replace<B: IoBuf>(path: impl AsRef<Path>, bytes: B) -> io::Result<()> {
    let path = path.as_ref();
    let permissions = match super::metadata(path).await {
        Ok(metadata) => Some(metadata.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    // What is private stays so while it is written.
    let mode = if permissions.is_some() { 0o600 } else { 0o666 };
    let (file, temporary) = temporary::beside(path, mode).await?;
    match exchange(path, &file, &temporary, bytes, permissions).await {
        Ok(()) => drop(temporary.keep()),
        // The code hears of its cancel now; the drop removes the name.
        Err(error) if is_cancelled(&error) => return Err(error),
        Err(error) => {
            temporary.remove().await;
            return Err(error);
        }
    }
    sync_dir(temporary::parent(path)).await
}

/// Fills the temporary file, and gives it the name.
async fn exchange<B: IoBuf>(
    path: &Path,
    file: &File,
    temporary: &Temporary,
    bytes: B,
    permissions: Option<Permissions>,
) -> io::Result<()> {
    if let Some(permissions) = permissions {
        file.set_permissions(permissions).await?;
    }
    file.write_all_at(bytes, 0).await.0.map_err(|error| error::at("write", path, error))?;
    file.sync_all().await.map_err(|error| error::at("synchronise", path, error))?;
    paths::rename(temporary.path(), path).await
}
