//! The space that a file takes: its length, its holes, and what the kernel keeps of it in memory.

use super::File;
use crate::blocking::blocking_io;
use crate::driver;
use crate::op::{Advise, Allocate, OnFile, SyncRange, Truncate};
use crate::ring::Capability;
use crate::sys::{self, Whence};
use crate::yield_now::consume_budget;
use std::fs;
use std::io;
use std::ops::Range;

/// How a part of a file will be used; see [`File::advise`] and `posix_fadvise(2)`.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs::{Advice, File};
/// nestling_runtime::block_on(async {
///     let program = File::open(std::env::current_exe()?).await?;
///     program.advise(0, 1 << 20, Advice::WillNeed).await
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// In no special way.
    Normal,
    /// From front to back: the kernel reads further ahead.
    Sequential,
    /// Here and there: the kernel does not read ahead.
    Random,
    /// Soon: the kernel begins to read it.
    WillNeed,
    /// No more: the kernel may forget what is written back.
    DontNeed,
    /// Once.
    NoReuse,
}

impl Advice {
    fn number(self) -> i32 {
        match self {
            Self::Normal => libc::POSIX_FADV_NORMAL,
            Self::Sequential => libc::POSIX_FADV_SEQUENTIAL,
            Self::Random => libc::POSIX_FADV_RANDOM,
            Self::WillNeed => libc::POSIX_FADV_WILLNEED,
            Self::DontNeed => libc::POSIX_FADV_DONTNEED,
            Self::NoReuse => libc::POSIX_FADV_NOREUSE,
        }
    }
}

impl File {
    /// Cuts the file to so many bytes, or extends it with a hole, which reads as zeros. Before
    /// Linux 6.9 it runs on a thread of the pool.
    ///
    /// # Errors
    ///
    /// The errors of `ftruncate(2)`; and cancellation, after which the length may have changed.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub async fn set_len(&self, length: u64) -> io::Result<()> {
        let driver = driver::expect_current("set_len");
        let capable = driver.borrow().is_capable(Capability::Truncate);
        if capable {
            return OnFile::new(self.fd.clone(), Truncate { length }).await;
        }
        let file = fs::File::from(self.duplicate()?);
        blocking_io(&"ftruncate", move || file.set_len(length)).await
    }

    /// Takes room on the disk for a part of the file, so that writes there cannot fail for lack of
    /// it. The file is extended to hold the part; what was not written reads as zeros.
    ///
    /// # Errors
    ///
    /// The errors of `fallocate(2)`, such as `StorageFull`, or `Unsupported` by the file system;
    /// and cancellation, after which the call may have had its effect.
    pub async fn allocate(&self, offset: u64, length: u64) -> io::Result<()> {
        OnFile::new(self.fd.clone(), Allocate { mode: 0, offset, length }).await
    }

    /// Gives the room of a part back, which reads as zeros from then on. The file is as long as
    /// before.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    pub async fn punch_hole(&self, offset: u64, length: u64) -> io::Result<()> {
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        OnFile::new(self.fd.clone(), Allocate { mode, offset, length }).await
    }

    /// Has a part that was written brought to the disk, and waits for that; not what is known about
    /// the file, such as its length. After a crash the bytes may not be found: this is for writing
    /// at an even pace, before a [`sync_all`](Self::sync_all) that is then short. A part of 4 GiB
    /// or more reaches to the end of the file.
    ///
    /// # Errors
    ///
    /// The errors of `sync_file_range(2)`, and cancellation.
    pub async fn sync_file_range(&self, offset: u64, length: u64) -> io::Result<()> {
        let flags = libc::SYNC_FILE_RANGE_WAIT_BEFORE
            | libc::SYNC_FILE_RANGE_WRITE
            | libc::SYNC_FILE_RANGE_WAIT_AFTER;
        if length == 0 {
            consume_budget().await;
            return Ok(());
        }
        let command = SyncRange { offset, length: to_end(length), flags };
        OnFile::new(self.fd.clone(), command).await
    }

    /// Tells the kernel how a part of the file will be used. Zero bytes reach to its end, and so do
    /// 4 GiB and more.
    ///
    /// # Errors
    ///
    /// The file is a pipe; and cancellation.
    pub async fn advise(&self, offset: u64, length: u64, advice: Advice) -> io::Result<()> {
        let command = Advise { advice: advice.number(), offset, length: to_end(length) };
        OnFile::new(self.fd.clone(), command).await
    }

    /// The next part of the file that is no hole, not before `offset`; `None` if only a hole
    /// follows. A file system that knows no holes has one part. Runs on a thread of the pool.
    ///
    /// # Errors
    ///
    /// The file is no regular one; and cancellation.
    pub async fn next_data(&self, offset: u64) -> io::Result<Option<Range<u64>>> {
        let file = self.duplicate()?;
        blocking_io(&"lseek", move || {
            let Some(start) = sys::seek(&file, offset, Whence::Data)? else { return Ok(None) };
            // Cut meanwhile: there is no hole behind the end any more.
            Ok(sys::seek(&file, start, Whence::Hole)?.map(|end| start..end))
        })
        .await
    }
}

/// A length as requests have it. What is longer reaches to the end of the file, which is zero.
fn to_end(length: u64) -> u32 {
    u32::try_from(length).unwrap_or(0)
}
