//! Close a descriptor and report the error; or close it without a future that waits.

use super::{Answer, Op, Operation};
use crate::driver::{self, OpInfo, Orphan};
use crate::fd::{RawTarget, do_not_linger};
use crate::ring::{Capability, Completion, Request};
use crate::scope;
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

/// Closes a descriptor.
#[derive(Debug)]
pub(crate) struct Close {
    /// Owned until the kernel says that it has closed it: else the drop closes the descriptor.
    fd: OwnedFd,
}

impl Close {
    pub(crate) fn new(fd: OwnedFd) -> Op<Self> {
        do_not_linger(&fd);
        Self::of_file(fd)
    }

    /// Closes a descriptor that is no socket.
    pub(crate) fn of_file(fd: OwnedFd) -> Op<Self> {
        Op::new(Self { fd })
    }

    fn on(&self) -> RawTarget {
        RawTarget::Descriptor(self.fd.as_raw_fd())
    }

    /// The kernel has closed the descriptor, with or without an error of its last write.
    fn forget(self) {
        let _ = self.fd.into_raw_fd();
    }
}

/// Whether the kernel has done away with the number. With these two errors it has not: the close
/// was cancelled before it ran.
fn was_closed(result: i32) -> bool {
    result != -libc::ECANCELED && result != -libc::EAGAIN
}

// SAFETY: no pointers.
unsafe impl Operation for Close {
    type Output = io::Result<()>;

    const NAME: &'static str = "close";

    const NEEDS: &'static [Capability] = &[Capability::Close];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on())
    }

    fn request(&mut self) -> Option<Request> {
        Some(Request::Close { on: self.on() })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        if was_closed(answer.code) {
            self.forget();
        }
        answer.result.map(drop)
    }
}

struct Detached(Close);

impl Orphan for Detached {
    fn dispose(self: Box<Self>, completion: Completion) -> bool {
        // No future waits: an error is lost.
        let _ = self.0.complete(Answer::new(completion, None));
        false
    }
}

/// Has the ring close a descriptor. The close belongs to the scope of the code that dropped it, so
/// the nursery around that ends after it; it is never cancelled.
pub(crate) fn close_detached(fd: OwnedFd) {
    let driver = driver::current().filter(|driver| driver.borrow().room().is_ok());
    // At the limit of operations in flight the descriptor is closed on the spot.
    let Some(driver) = driver else { return drop(fd) };
    let close = Close { fd };
    let info = OpInfo::new(&Close::NAME, close.target());
    let request = Request::Close { on: close.on() };
    let scope = scope::current();
    // SAFETY: a close has no pointers.
    unsafe { driver.borrow_mut().submit_detached(request, info, scope, Box::new(Detached(close))) };
}
