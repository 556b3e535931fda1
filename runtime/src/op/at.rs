//! `At`: where in an open file something is read or written.

use crate::fd::Target;

/// A place in an open file. Not a path, which is a [`Place`](super::Place).
#[derive(Debug)]
pub(crate) struct At {
    pub(crate) on: Target,
    /// In bytes, or [`NEXT`](crate::ring::NEXT).
    pub(crate) offset: u64,
    /// On one of the kernel's threads: the kernel does not tell in advance whether it would stop
    /// the thread.
    pub(crate) on_worker: bool,
}
