//! `Dir`: an open directory, out of which no path leads.

use super::mounts::Way;
use super::opening::{self, Opened, Origin};
use super::{File, Metadata, OpenOptions, ReadDir, error, path};
use crate::fd::SharedFd;
use crate::op::{
    Link, MakeDirectory, OnFile, OnPath, Place, Rename, Statx, Symlink, SyncOp, Unlink,
};
use crate::ring::OpenHow;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::{Path, PathBuf};

/// No step of a path leads out: not `..`, not a symbolic link, not an absolute path.
const BENEATH: u64 = libc::RESOLVE_BENEATH | libc::RESOLVE_NO_MAGICLINKS;

/// An open directory. The paths that its methods take begin there and stay there: one that leads
/// out, with `..`, as an absolute path or over a symbolic link, fails with `CrossesDevices`, also
/// while others rename what is on the way. So a file server cannot be led out of what it serves.
///
/// The directory may be renamed meanwhile; paths in errors are those that were given.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs::{self, Dir};
/// nestling_runtime::block_on(async {
///     let path = std::env::temp_dir().join(format!("nestling-root-{}", std::process::id()));
///     fs::create_dir(&path).await?;
///     let root = Dir::open(&path).await?;
///     root.create_dir("public").await?;
///     root.write("public/index.html", "<p>hello").await?;
///     assert_eq!(root.read("public/index.html").await?, b"<p>hello");
///     for led_out in ["../../etc/passwd", "/etc/passwd", "public/../../x"] {
///         let error = root.open_file(led_out).await.unwrap_err();
///         assert_eq!(error.kind(), std::io::ErrorKind::CrossesDevices);
///     }
///     fs::remove_dir_all(&path).await
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Dir {
    fd: SharedFd,
    /// Where its paths begin.
    origin: Origin,
}

impl Dir {
    fn of(opened: Opened) -> Self {
        let origin = if opened.way == Way::Ring { Origin::Here } else { Origin::Elsewhere };
        Self { fd: opened.fd, origin }
    }

    /// Opens a directory. This path may lead anywhere.
    ///
    /// # Errors
    ///
    /// The errors of `open(2)`, such as `NotADirectory`, with the path; and cancellation.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let how = directory(libc::O_RDONLY, 0);
        let opened = opening::open_anew(path::place("open", path)?, how, Origin::Here).await;
        opened.map(Self::of).map_err(|error| error::at("open", path, error))
    }

    /// Opens a directory below this one.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); `CrossesDevices` if the path leads out.
    pub async fn open_dir(&self, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let opened = self.resolve(path, directory(libc::O_RDONLY, BENEATH)).await;
        opened.map(Self::of).map_err(|error| explain("open", path, error))
    }

    /// Opens a file below this directory to be read.
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`]; `CrossesDevices` if the path leads out.
    pub async fn open_file(&self, path: impl AsRef<Path>) -> io::Result<File> {
        self.open_with(path, OpenOptions::new().read(true)).await
    }

    /// Opens a file below this directory.
    ///
    /// # Cancellation
    ///
    /// As [`OpenOptions::open`].
    ///
    /// # Errors
    ///
    /// As [`OpenOptions::open`]; `CrossesDevices` if the path leads out.
    pub async fn open_with(
        &self,
        path: impl AsRef<Path>,
        options: &OpenOptions,
    ) -> io::Result<File> {
        let path = path.as_ref();
        let opened = self.open_seen(path, options).await?;
        File::of(opened).map_err(|error| error::at("open", path, error))
    }

    async fn open_seen(&self, path: &Path, options: &OpenOptions) -> io::Result<Opened> {
        let at = Place::below(self.fd.clone(), path::text("open", path)?);
        options.open_at(at, path, BENEATH, self.origin).await
    }

    /// All that is in a file below this directory.
    ///
    /// # Errors
    ///
    /// As [`open_file`](Self::open_file) and [`File::read_to_end`].
    pub async fn read(&self, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
        let path = path.as_ref();
        let opened = self.open_seen(path, OpenOptions::new().read(true)).await?;
        File::read_whole(opened).await.map_err(|error| error::at("read", path, error))
    }

    /// Makes a file of these bytes below this directory; as [`fs::write`](super::write()).
    ///
    /// # Errors
    ///
    /// As [`open_with`](Self::open_with) and [`File::write_all_at`].
    pub async fn write<B>(&self, path: impl AsRef<Path>, bytes: B) -> io::Result<()>
    where
        B: crate::buf::IoBuf,
    {
        let path = path.as_ref();
        let mut options = OpenOptions::new();
        let file = self.open_with(path, options.write(true).create(true).truncate(true)).await?;
        file.write_all_at(bytes, 0).await.0.map_err(|error| error::at("write", path, error))
    }

    /// What is known about something below this directory; `.` is the directory itself.
    ///
    /// # Errors
    ///
    /// As [`fs::metadata`](super::metadata); `CrossesDevices` if the path leads out.
    pub async fn metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        self.look(path.as_ref(), 0).await
    }

    /// As [`metadata`](Self::metadata), of a symbolic link itself.
    ///
    /// # Errors
    ///
    /// As [`metadata`](Self::metadata).
    pub async fn symlink_metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        self.look(path.as_ref(), libc::O_NOFOLLOW).await
    }

    async fn look(&self, path: &Path, flags: i32) -> io::Result<Metadata> {
        const LOOK: &str = "look at";
        let flags = (libc::O_PATH | libc::O_CLOEXEC | flags) as u64;
        let found = self.resolve(path, OpenHow { flags, mode: 0, resolve: BENEATH }).await;
        let found = found.map_err(|error| explain(LOOK, path, error))?;
        let found =
            Statx::new(Place::below(found.fd, CString::default()), libc::AT_EMPTY_PATH).await;
        found.map(Metadata::new).map_err(|error| error::at(LOOK, path, error))
    }

    /// Lists a directory below this one; `.` is the directory itself. Runs on threads of the pool,
    /// through `/proc`.
    ///
    /// # Errors
    ///
    /// As [`open_dir`](Self::open_dir) and [`fs::read_dir`](super::read_dir()).
    pub async fn read_dir(&self, path: impl AsRef<Path>) -> io::Result<ReadDir> {
        let path = path.as_ref();
        let listed = self.open_dir(path).await?.fd.into_owned()?;
        let through = PathBuf::from(format!("/proc/self/fd/{}", listed.as_raw_fd()));
        ReadDir::open(path, through, Some(listed)).await
    }

    /// Makes a directory below this one.
    ///
    /// # Errors
    ///
    /// As [`fs::create_dir`](super::create_dir); `CrossesDevices` if the path leads out.
    pub async fn create_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        const MAKE: &str = "make the directory";
        let path = path.as_ref();
        let at = self.name(MAKE, path).await?;
        let made = OnPath::new(MakeDirectory { at, mode: 0o777 }).await;
        made.map_err(|error| error::at(MAKE, path, error))
    }

    /// Removes a file below this directory.
    ///
    /// # Errors
    ///
    /// As [`fs::remove_file`](super::remove_file); `CrossesDevices` if the path leads out.
    pub async fn remove_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.remove(path.as_ref(), 0).await
    }

    /// Removes an empty directory below this one.
    ///
    /// # Errors
    ///
    /// As [`fs::remove_dir`](super::remove_dir); `CrossesDevices` if the path leads out.
    pub async fn remove_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.remove(path.as_ref(), libc::AT_REMOVEDIR).await
    }

    async fn remove(&self, path: &Path, flags: i32) -> io::Result<()> {
        const REMOVE: &str = "remove";
        let at = self.name(REMOVE, path).await?;
        let removed = OnPath::new(Unlink { at, flags }).await;
        removed.map_err(|error| error::at(REMOVE, path, error))
    }

    /// Gives something below this directory another name, below this one or another.
    ///
    /// # Errors
    ///
    /// As [`fs::rename`](super::rename); `CrossesDevices` also if a path leads out.
    pub async fn rename(
        &self,
        from: impl AsRef<Path>,
        to_dir: &Self,
        to: impl AsRef<Path>,
    ) -> io::Result<()> {
        const RENAME: &str = "rename";
        let path = from.as_ref();
        let (from, to) = (self.name(RENAME, path).await?, to_dir.name(RENAME, to.as_ref()).await?);
        let renamed = OnPath::new(Rename { from, to, flags: 0 }).await;
        renamed.map_err(|error| error::at(RENAME, path, error))
    }

    /// Gives a file below this directory a second name, below this one or another. A symbolic link
    /// is not followed.
    ///
    /// # Errors
    ///
    /// As [`fs::hard_link`](super::hard_link); `CrossesDevices` also if a path leads out.
    pub async fn hard_link(
        &self,
        original: impl AsRef<Path>,
        to_dir: &Self,
        link: impl AsRef<Path>,
    ) -> io::Result<()> {
        const LINK: &str = "make the link";
        let link = link.as_ref();
        let (from, to) =
            (self.name(LINK, original.as_ref()).await?, to_dir.name(LINK, link).await?);
        let linked = OnPath::new(Link { from, to, flags: 0 }).await;
        linked.map_err(|error| error::at(LINK, link, error))
    }

    /// Makes a symbolic link below this directory. Its target may be anything: where it leads out,
    /// this directory does not follow it.
    ///
    /// # Errors
    ///
    /// As [`fs::symlink`](super::symlink); `CrossesDevices` if the path of the link leads out.
    pub async fn symlink(
        &self,
        target: impl AsRef<Path>,
        link: impl AsRef<Path>,
    ) -> io::Result<()> {
        const LINK: &str = "make the symbolic link";
        let link = link.as_ref();
        let target = path::text(LINK, target.as_ref())?;
        let linked = OnPath::new(Symlink { target, at: self.name(LINK, link).await? }).await;
        linked.map_err(|error| error::at(LINK, link, error))
    }

    /// Waits until the disk keeps the names in this directory: those that were made, renamed and
    /// removed.
    ///
    /// # Errors
    ///
    /// As [`File::sync_all`].
    pub async fn sync_all(&self) -> io::Result<()> {
        OnFile::new(self.fd.clone(), SyncOp { data_only: false }).await
    }

    async fn resolve(&self, path: &Path, how: OpenHow) -> io::Result<Opened> {
        let place = Place::below(self.fd.clone(), path::text("open", path)?);
        opening::open_anew(place, how, self.origin).await
    }

    /// The last part of a path, from the directory that the rest leads to. What is done with a
    /// single name leads nowhere else.
    async fn name(&self, what: &'static str, path: &Path) -> io::Result<Place> {
        let Some(name) = path.file_name() else {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the path ends with no name");
            return Err(error::at(what, path, error));
        };
        let name = path::text(what, Path::new(name))?;
        let parent = path.parent().unwrap_or(Path::new(""));
        if parent.as_os_str().is_empty() {
            return Ok(Place::below(self.fd.clone(), name));
        }
        let found = self.resolve(parent, directory(libc::O_PATH, BENEATH)).await;
        found.map(|found| Place::below(found.fd, name)).map_err(|error| explain(what, path, error))
    }
}

fn directory(access: i32, resolve: u64) -> OpenHow {
    let flags = (access | libc::O_DIRECTORY | libc::O_CLOEXEC) as u64;
    OpenHow { flags, mode: 0, resolve }
}

/// Gives an error more words, also that of a path that leads out.
pub(super) fn explain(what: &'static str, path: &Path, source: io::Error) -> io::Error {
    let leads_out = source.raw_os_error() == Some(libc::EXDEV);
    let remedy = "It leads out of the directory, in which it has to stay";
    error::explained(what, path, source, leads_out.then_some(remedy))
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Dir {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
