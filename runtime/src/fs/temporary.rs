//! Files with a name of their own for a while, which are removed if they come to nothing.

use super::{File, error, opening, path, paths};
use crate::fd::SharedFd;
use crate::op::{Op, Open, Place, Unlink, unlink_detached};
use crate::ring::OpenHow;
use std::ffi::OsString;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

/// A name of a file that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    /// `None` once it has gone.
    at: Option<Place>,
}

impl Temporary {
    fn new(what: &'static str, path: PathBuf) -> io::Result<Self> {
        Ok(Self { at: Some(path::place(what, &path)?), path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the name, and waits for that.
    pub(super) async fn remove(self) {
        // If it fails, the name is gone, or nothing can be done.
        let _ = paths::remove_file(&self.path).await;
        self.has_gone();
    }

    /// There is no such name any more, or it is someone else's.
    pub(super) fn has_gone(mut self) {
        self.at = None;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let Some(at) = self.at.take() else { return };
        if unlink_detached(Unlink { at, flags: 0 }).is_err() {
            // Outside a core, or too much is in flight.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Makes the file of a temporary name. When the future is dropped, the name is removed after the
/// kernel has made it: not before, which would leave it there.
struct Making {
    open: Op<Open<false>>,
    name: Option<Temporary>,
}

impl Making {
    fn new(name: Temporary, mode: u32) -> Self {
        let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
        let how = OpenHow { flags: flags as u64, mode: mode.into(), resolve: 0 };
        let at = name.at.clone().expect("it is there yet");
        Self { open: opening::begin(at, how), name: Some(name) }
    }
}

impl Future for Making {
    type Output = io::Result<(SharedFd, Temporary)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let opened = ready!(Pin::new(&mut self.open).poll(cx));
        let name = self.name.take().expect("a future is not polled after its end");
        Poll::Ready(match opened {
            Ok(fd) => Ok((fd, name)),
            Err(error) => {
                name.has_gone();
                Err(error)
            }
        })
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        if self.open.flight().is_none() {
            return name.has_gone();
        }
        self.open.abandon(move |opened| {
            if opened.is_err() {
                name.has_gone();
            }
            false
        });
    }
}

/// The directory that a path is in.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A new file in the same directory, so that it can take the name of that one.
pub(super) async fn beside(path: &Path, mode: u32) -> io::Result<(File, Temporary)> {
    const REPLACE: &str = "replace";
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
        return Err(error::at(REPLACE, path, error));
    };
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut own = OsString::from(".");
        own.push(name);
        own.push(format!(".{}-{number}.tmp", process::id()));
        let temporary = Temporary::new(REPLACE, parent(path).join(own))?;
        match Making::new(temporary, mode).await {
            Ok((fd, temporary)) => return Ok((File::new(fd), temporary)),
            // One that a crash has left behind.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error::at(REPLACE, path, error)),
        }
    }
}
