//! `Metadata`: what is known about a file.

use std::fmt;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

/// What is known about a file, as of the time when it was asked for.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let metadata = nestling_runtime::block_on(nestling_runtime::fs::metadata("/"))?;
/// assert!(metadata.is_dir());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Metadata(Box<libc::statx>);

impl Metadata {
    pub(super) fn new(found: Box<libc::statx>) -> Self {
        Self(found)
    }

    /// The length in bytes; of a symbolic link, that of its target's name.
    #[allow(clippy::len_without_is_empty, reason = "as std's, which a directory would make absurd")]
    pub fn len(&self) -> u64 {
        self.0.stx_size
    }

    /// What kind of file it is.
    pub fn file_type(&self) -> FileType {
        FileType(u32::from(self.0.stx_mode) & libc::S_IFMT)
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.file_type().is_file()
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.file_type().is_dir()
    }

    /// Whether it is a symbolic link: only of what was not followed.
    pub fn is_symlink(&self) -> bool {
        self.file_type().is_symlink()
    }

    /// Who may do what with it.
    pub fn permissions(&self) -> Permissions {
        Permissions::from_mode(self.mode())
    }

    /// Its kind and its permissions, as one number.
    pub fn mode(&self) -> u32 {
        self.0.stx_mode.into()
    }

    /// The user whose file it is.
    pub fn uid(&self) -> u32 {
        self.0.stx_uid
    }

    /// The group whose file it is.
    pub fn gid(&self) -> u32 {
        self.0.stx_gid
    }

    /// Its number on its device: two names with the same numbers are one file.
    pub fn ino(&self) -> u64 {
        self.0.stx_ino
    }

    /// The number of its device.
    pub fn dev(&self) -> u64 {
        libc::makedev(self.0.stx_dev_major, self.0.stx_dev_minor)
    }

    /// How many names it has.
    pub fn nlink(&self) -> u64 {
        self.0.stx_nlink.into()
    }

    /// What it takes on the disk, in units of 512 bytes: less than its length says if it has holes.
    pub fn blocks(&self) -> u64 {
        self.0.stx_blocks
    }

    /// In how large pieces it is best read and written, in bytes.
    pub fn blksize(&self) -> u64 {
        self.0.stx_blksize.into()
    }

    /// When its bytes were changed last. `None`: its file system does not say.
    pub fn modified(&self) -> Option<SystemTime> {
        self.time(libc::STATX_MTIME, self.0.stx_mtime)
    }

    /// When it was read last, as far as its file system keeps that.
    pub fn accessed(&self) -> Option<SystemTime> {
        self.time(libc::STATX_ATIME, self.0.stx_atime)
    }

    /// When it was made. `None`: its file system does not say.
    pub fn created(&self) -> Option<SystemTime> {
        self.time(libc::STATX_BTIME, self.0.stx_btime)
    }

    /// What direct reads and writes have to be multiples of, in bytes: the address of the memory,
    /// and its length and the place in the file. `None`: the file cannot be read so, or the kernel
    /// (before 6.1) or its file system does not say.
    pub fn direct_alignment(&self) -> Option<(usize, u64)> {
        let (memory, place) = (self.0.stx_dio_mem_align, self.0.stx_dio_offset_align);
        let is_told = self.0.stx_mask & libc::STATX_DIOALIGN != 0 && place > 0;
        is_told.then_some((memory as usize, place.into()))
    }

    fn time(&self, bit: u32, time: libc::statx_timestamp) -> Option<SystemTime> {
        let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
        let whole = if time.tv_sec < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(seconds)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(seconds)
        };
        let is_told = self.0.stx_mask & bit != 0;
        whole.filter(|_| is_told)?.checked_add(Duration::from_nanos(time.tv_nsec.into()))
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("file_type", &self.file_type())
            .field("len", &self.len())
            .field("permissions", &self.permissions())
            .field("modified", &self.modified())
            .finish_non_exhaustive()
    }
}

/// What kind of file something is.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let metadata = nestling_runtime::block_on(nestling_runtime::fs::metadata("/dev/null"))?;
/// assert!(metadata.file_type().is_char_device());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileType(u32);

impl FileType {
    /// For something that could not be looked at.
    pub(super) const UNKNOWN: Self = Self(0);

    /// From the metadata of the standard library.
    pub(super) fn of(kind: std::fs::FileType) -> Self {
        use std::os::unix::fs::FileTypeExt;
        Self(match kind {
            kind if kind.is_file() => libc::S_IFREG,
            kind if kind.is_dir() => libc::S_IFDIR,
            kind if kind.is_symlink() => libc::S_IFLNK,
            kind if kind.is_fifo() => libc::S_IFIFO,
            kind if kind.is_socket() => libc::S_IFSOCK,
            kind if kind.is_block_device() => libc::S_IFBLK,
            kind if kind.is_char_device() => libc::S_IFCHR,
            _ => return Self::UNKNOWN,
        })
    }

    /// A regular file.
    pub fn is_file(&self) -> bool {
        self.0 == libc::S_IFREG
    }

    /// A directory.
    pub fn is_dir(&self) -> bool {
        self.0 == libc::S_IFDIR
    }

    /// A symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.0 == libc::S_IFLNK
    }

    /// A named pipe.
    pub fn is_fifo(&self) -> bool {
        self.0 == libc::S_IFIFO
    }

    /// A socket.
    pub fn is_socket(&self) -> bool {
        self.0 == libc::S_IFSOCK
    }

    /// A disk, or a part of one.
    pub fn is_block_device(&self) -> bool {
        self.0 == libc::S_IFBLK
    }

    /// Another device, such as a terminal.
    pub fn is_char_device(&self) -> bool {
        self.0 == libc::S_IFCHR
    }
}

impl fmt::Debug for FileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            libc::S_IFREG => "file",
            libc::S_IFDIR => "directory",
            libc::S_IFLNK => "symbolic link",
            libc::S_IFIFO => "fifo",
            libc::S_IFSOCK => "socket",
            libc::S_IFBLK => "block device",
            libc::S_IFCHR => "character device",
            _ => "unknown",
        })
    }
}
