//! Locks on files, between processes, as of `flock(2)`.

use super::File;
use crate::blocking::blocking_io;
use crate::sys;
use crate::time::sleep;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How soon a lock that another process holds is tried for again, and how late at most: a try costs
/// two switches between threads, and a hundredth of a second is no long wait for another process.
const FIRST_PAUSE: Duration = Duration::from_micros(500);
const LAST_PAUSE: Duration = Duration::from_millis(10);

/// A lock that was taken, on the way to the one who asked for it.
struct Taken(Option<OwnedFd>);

impl Taken {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        // The future is gone: nothing would ever give the lock back while the file is open.
        if let Some(file) = &self.0 {
            let _ = sys::lock_file(file, libc::LOCK_UN);
        }
    }
}

impl File {
    /// Waits until no other process has a lock on the file, and takes it. The lock is the open
    /// file's: it ends with [`unlock`](Self::unlock), or when the file is closed. It binds those
    /// that ask for one, and no other process.
    ///
    /// An open file has one lock. To ask for one of the other kind gives up the one that it has,
    /// before it is known whether the other one can be had: so two files that have it shared can
    /// both ask for it alone, and one gets it. What must not change meanwhile is to be looked at
    /// again.
    ///
    /// No thread waits for the lock: the task tries again, every 10 ms at the latest. So others may
    /// be served first, and a waiting task can be cancelled.
    ///
    /// # Cancellation
    ///
    /// A lock that is taken for a future which is gone is given back. A lock that the file had
    /// before may be gone with it.
    ///
    /// # Errors
    ///
    /// The errors of `flock(2)`, and cancellation.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::fs::{self, File};
    /// nestling_runtime::block_on(async {
    ///     let path = std::env::temp_dir().join(format!("nestling-lock-{}", std::process::id()));
    ///     let (ours, theirs) = (File::create(&path).await?, File::create(&path).await?);
    ///     ours.lock().await?;
    ///     assert!(!theirs.try_lock().await?);
    ///     ours.unlock().await?;
    ///     assert!(theirs.try_lock().await?);
    ///     fs::remove_file(&path).await
    /// })
    /// # }
    /// ```
    pub async fn lock(&self) -> io::Result<()> {
        self.wait_for_lock(libc::LOCK_EX).await
    }

    /// As [`lock`](Self::lock), beside others that take it shared.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    pub async fn lock_shared(&self) -> io::Result<()> {
        self.wait_for_lock(libc::LOCK_SH).await
    }

    /// Takes the lock if no other process has one; tells if it did. If not, the file has no lock,
    /// also where it had it shared before: see [`lock`](Self::lock).
    ///
    /// # Cancellation
    ///
    /// As [`lock`](Self::lock).
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    pub async fn try_lock(&self) -> io::Result<bool> {
        self.attempt(libc::LOCK_EX).await
    }

    /// As [`try_lock`](Self::try_lock), beside others that take it shared.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    pub async fn try_lock_shared(&self) -> io::Result<bool> {
        self.attempt(libc::LOCK_SH).await
    }

    /// Gives the lock back.
    ///
    /// # Errors
    ///
    /// As [`lock`](Self::lock).
    pub async fn unlock(&self) -> io::Result<()> {
        let file = self.duplicate()?;
        blocking_io(&"flock", move || sys::lock_file(&file, libc::LOCK_UN)).await
    }

    async fn wait_for_lock(&self, kind: i32) -> io::Result<()> {
        let mut pause = FIRST_PAUSE;
        while !self.attempt(kind).await? {
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        Ok(())
    }

    /// On a thread of the pool: a server may have to be asked.
    async fn attempt(&self, kind: i32) -> io::Result<bool> {
        let file = self.duplicate()?;
        let taken =
            blocking_io(&"flock", move || match sys::lock_file(&file, kind | libc::LOCK_NB) {
                Ok(()) => Ok(Some(Taken(Some(file)))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                Err(error) => Err(error),
            });
        Ok(taken.await?.map(Taken::keep).is_some())
    }
}
