//! `OpenOptions`: how a file is opened.

use super::opening::{Opened, Origin};
use super::{File, dir, error, opening, path};
use crate::op::Place;
use crate::ring::OpenHow;
use std::io;
use std::path::Path;

/// How a file is opened; those of [`std::fs::OpenOptions`] mean the same here. The descriptor is
/// closed on exec.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs::{self, OpenOptions};
/// nestling_runtime::block_on(async {
///     let path = std::env::temp_dir().join(format!("nestling-options-{}", std::process::id()));
///     let log = OpenOptions::new().append(true).create(true).open(&path).await?;
///     log.write_all_at("one\n", 0).await.0?;
///     log.write_all_at("two\n", 0).await.0?; // it is appended: the place does not count
///     assert_eq!(fs::read_to_string(&path).await?, "one\ntwo\n");
///     fs::remove_file(&path).await
/// })
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    truncate: bool,
    create: bool,
    create_new: bool,
    mode: u32,
    flags: i32,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// Nothing is allowed, and nothing is made.
    pub fn new() -> Self {
        Self {
            read: false,
            write: false,
            append: false,
            truncate: false,
            create: false,
            create_new: false,
            mode: 0o666,
            flags: 0,
        }
    }

    /// Allows to read.
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.read = read;
        self
    }

    /// Allows to write.
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.write = write;
        self
    }

    /// Allows to write, to the end of the file alone, wherever that is at the time: the kernel
    /// ignores the place that a write names. Writes of several tasks or processes do not mix.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// Cuts a file that is there to zero bytes. Needs `write`.
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.truncate = truncate;
        self
    }

    /// Makes the file if it is not there. Needs `write` or `append`.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// Makes the file, and fails with `AlreadyExists` if something is there, also a symbolic link.
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.create_new = create_new;
        self
    }

    /// The permissions of a file that is made, from which the process's umask is taken away;
    /// `0o666` if not said.
    pub fn mode(&mut self, mode: u32) -> &mut Self {
        self.mode = mode & 0o7777;
        self
    }

    /// Further flags of `open(2)`, such as `libc::O_NOFOLLOW`. With `O_NONBLOCK` a FIFO is opened
    /// without its other end.
    pub fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.flags = flags & !libc::O_ACCMODE;
        self
    }

    /// Reads and writes go past the page cache (`O_DIRECT`). Memory, length and place have to be
    /// multiples of what the disk asks for: see [`AlignedBuf`](crate::buf::AlignedBuf) and
    /// [`Metadata::direct_alignment`](super::Metadata::direct_alignment).
    pub fn direct(&mut self, direct: bool) -> &mut Self {
        let others = self.flags & !libc::O_DIRECT;
        self.flags = if direct { others | libc::O_DIRECT } else { others };
        self
    }

    /// Opens a file. A FIFO is open when its other end is open as well.
    ///
    /// # Cancellation
    ///
    /// A file that was opened when the cancel came is delivered; if the future is gone, it is
    /// closed. One that was made stays.
    ///
    /// # Errors
    ///
    /// The errors of `open(2)`, such as `NotFound` or `PermissionDenied`, with the path
    /// ([`PathError`](super::PathError)). `InvalidInput`: the options contradict each other.
    pub async fn open(&self, path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref();
        let opened = self.open_seen(path).await?;
        File::of(opened).map_err(|error| error::at(OPEN, path, error))
    }

    /// As [`open`](Self::open), with what was seen of the file.
    pub(super) async fn open_seen(&self, path: &Path) -> io::Result<Opened> {
        self.open_at(path::place(OPEN, path)?, path, 0, Origin::Here).await
    }

    /// As [`open_seen`](Self::open_seen), at a place; `resolve` is that of openat2(2).
    pub(super) async fn open_at(
        &self,
        at: Place,
        path: &Path,
        resolve: u64,
        origin: Origin,
    ) -> io::Result<Opened> {
        let how = self.how().map_err(|error| error::at(OPEN, path, error))?;
        let opened = opening::open(at, OpenHow { resolve, ..how }, origin).await;
        opened.map_err(|error| self.explain(path, error))
    }

    fn explain(&self, path: &Path, source: io::Error) -> io::Error {
        let is_direct = self.flags & libc::O_DIRECT != 0;
        if is_direct && source.raw_os_error() == Some(libc::EINVAL) {
            let remedy = "Its file system may not go past the page cache: open it without `direct`";
            return error::explained(OPEN, path, source, Some(remedy));
        }
        dir::explain(OPEN, path, source)
    }

    fn how(&self) -> io::Result<OpenHow> {
        let writes = self.write || self.append;
        let access = match (self.read, writes) {
            (true, false) => libc::O_RDONLY,
            (false, true) => libc::O_WRONLY,
            (true, true) => libc::O_RDWR,
            (false, false) if self.flags & libc::O_PATH != 0 => libc::O_RDONLY,
            (false, false) => return Err(contradiction("neither read, write nor append is set")),
        };
        let makes = self.create || self.create_new || self.flags & TEMPORARY == TEMPORARY;
        if makes && !writes {
            return Err(contradiction("what is to be made has to be opened to write or append"));
        }
        if self.truncate && !self.create_new && (self.append || !self.write) {
            return Err(contradiction("truncate needs write, and is of no use with append"));
        }
        let mut flags = access | self.flags;
        flags |= if self.append { libc::O_APPEND } else { 0 };
        flags |= if self.create_new {
            libc::O_CREAT | libc::O_EXCL
        } else {
            let create = if self.create { libc::O_CREAT } else { 0 };
            create | if self.truncate { libc::O_TRUNC } else { 0 }
        };
        let mode = if makes { self.mode.into() } else { 0 };
        Ok(OpenHow { flags: flags as u64, mode, resolve: 0 })
    }
}

/// The bit of `O_TMPFILE` that is its own.
const TEMPORARY: i32 = libc::O_TMPFILE & !libc::O_DIRECTORY;

const OPEN: &str = "open";

fn contradiction(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
