//! `Place`: a path, from an open directory or from that of the process.

use crate::fd::{RawTarget, SharedFd};
use crate::ring::RawPath;
use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsRawFd, RawFd};

/// A path, from an open directory or from that of the process. Its text is on the heap, and the
/// directory counted: both stay where they are when it is moved.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    dir: Option<SharedFd>,
    path: CString,
}

impl Place {
    pub(crate) fn new(path: CString) -> Self {
        Self { dir: None, path }
    }

    /// Below a directory; the empty path is the directory, or the file, itself.
    pub(crate) fn below(dir: SharedFd, path: CString) -> Self {
        Self { dir: Some(dir), path }
    }

    /// What a descriptor has open, by the name of its number. The path is whole and has no need of
    /// a directory; with the descriptor for one, the number stays what it is.
    pub(crate) fn of_open(fd: SharedFd) -> Self {
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        Self::below(fd, CString::new(path).expect("no zero"))
    }

    pub(super) fn target(&self) -> Option<RawTarget> {
        self.dir.as_ref().map(|dir| RawTarget::Descriptor(dir.as_raw_fd()))
    }

    pub(crate) fn dir(&self) -> RawFd {
        self.dir.as_ref().map_or(libc::AT_FDCWD, AsRawFd::as_raw_fd)
    }

    pub(crate) fn text(&self) -> &CStr {
        &self.path
    }

    pub(super) fn path(&self) -> *const c_char {
        self.path.as_ptr()
    }

    pub(super) fn raw(&self) -> RawPath {
        RawPath { dir: self.dir(), path: self.path() }
    }
}
