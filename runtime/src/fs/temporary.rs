//! `Temporary`: a name that is removed unless the file behind it is kept; `Making`: how it is made.

use super::opening::Origin;
use super::{File, error, opening, path, paths};
use crate::op::{Op, Operation, Place, Unlink, unlink_detached};
use crate::ring::OpenHow;
use crate::scope::is_cancelled;
use std::ffi::OsString;
use std::fs;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

/// A name of a file, or of an empty directory, that is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    /// `None` once it has gone.
    at: Option<Place>,
    /// Of unlinkat(2).
    flags: i32,
}

impl Temporary {
    /// A name, to be made at; `flags` as unlinkat(2) needs them to remove what is made.
    pub(super) fn new(what: &'static str, path: PathBuf, flags: i32) -> io::Result<Self> {
        Ok(Self { at: Some(path::place(what, &path)?), path, flags })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the name of a file, and waits for that.
    pub(super) async fn remove(self) {
        match paths::remove_file(&self.path).await {
            // The name may still be there: the drop of `self` removes it.
            Err(error) if is_cancelled(&error) => {}
            // If it fails, the name is gone, or nothing can be done.
            _ => drop(self.keep()),
        }
    }

    /// Lets the name be: it has gone, is someone else's, or is wanted.
    pub(super) fn keep(mut self) -> PathBuf {
        self.at = None;
        std::mem::take(&mut self.path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let Some(at) = self.at.take() else { return };
        let flags = self.flags;
        if unlink_detached(Unlink { at, flags }).is_err() {
            // Outside a core, or too much is in flight.
            let _ = match flags {
                0 => fs::remove_file(&self.path),
                _ => fs::remove_dir(&self.path),
            };
        }
    }
}

/// Makes what a temporary name is to stand for. When the future is dropped, the name is removed
/// after the kernel has made it: not before, which would leave it there.
pub(super) struct Making<T: Operation<Output = io::Result<V>>, V> {
    make: Op<T>,
    name: Option<Temporary>,
}

impl<T: Operation<Output = io::Result<V>>, V> Making<T, V> {
    pub(super) fn new(name: Temporary, make: impl FnOnce(Place) -> Op<T>) -> Self {
        let at = name.at.clone().expect("it is there yet");
        Self { make: make(at), name: Some(name) }
    }
}

impl<T: Operation<Output = io::Result<V>>, V> Future for Making<T, V> {
    type Output = io::Result<(V, Temporary)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let made = ready!(Pin::new(&mut self.make).poll(cx));
        let name = self.name.take().expect("a future is not polled after its end");
        Poll::Ready(match made {
            Ok(made) => Ok((made, name)),
            Err(error) => {
                name.keep();
                Err(error)
            }
        })
    }
}

impl<T: Operation<Output = io::Result<V>>, V> Drop for Making<T, V> {
    fn drop(&mut self) {
        let Some(name) = self.name.take() else { return };
        self.make.abandon(move |made| {
            if made.is_err() {
                name.keep();
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
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    let how = OpenHow { flags: flags as u64, mode: mode.into(), resolve: 0 };
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut own = OsString::from(".");
        own.push(name);
        own.push(format!(".{}-{number}.tmp", process::id()));
        let temporary = Temporary::new(REPLACE, parent(path).join(own), 0)?;
        match Making::new(temporary, |at| opening::begin::<false>(at, how, Origin::Here)).await {
            Ok((fd, temporary)) => {
                let opened = opening::seen(Ok(fd), Origin::Here).await?;
                return Ok((File::of(opened)?, temporary));
            }
            // A crash has left a file of this name behind.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error::at(REPLACE, path, error)),
        }
    }
}
