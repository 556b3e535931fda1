//! Open what is at a path.

use super::{Answer, Op, Operation, Place};
use crate::fd::{RawTarget, SharedFd};
use crate::ring::{Capability, OpenHow, Request};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Opens what is at a path. With `WAITS`, the open may wait for another process or thread, such as
/// one at the other end of a FIFO: then a thread of the kernel's waits.
#[derive(Debug)]
pub(crate) struct Open<const WAITS: bool> {
    at: Place,
    /// Boxed: the request points to it.
    how: Box<OpenHow>,
    on_worker: bool,
}

impl<const WAITS: bool> Open<WAITS> {
    /// Opens on one of the kernel's threads if `on_worker`, or if the open may wait.
    pub(crate) fn new(at: Place, how: OpenHow, on_worker: bool) -> Op<Self> {
        Op::new(Self { at, how: Box::new(how), on_worker: on_worker || WAITS })
    }
}

// SAFETY: the path is on the heap, and how to open it boxed; the directory is counted.
unsafe impl<const WAITS: bool> Operation for Open<WAITS> {
    type Output = io::Result<SharedFd>;

    const NAME: &'static str = if WAITS { "open, which may wait" } else { "open" };

    const NEEDS: &'static [Capability] = &[Capability::Open];

    fn target(&self) -> Option<RawTarget> {
        self.at.target()
    }

    fn request(&mut self) -> Option<Request> {
        let (dir, path) = (self.at.dir(), self.at.path());
        Some(Request::Open { dir, path, how: &raw const *self.how, on_worker: self.on_worker })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        let fd = answer.result? as RawFd;
        // SAFETY: the kernel made this descriptor for the open whose answer this is, and the answer
        // is taken once.
        Ok(SharedFd::new(unsafe { OwnedFd::from_raw_fd(fd) }))
    }
}
