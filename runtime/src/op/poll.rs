//! Wait until something can be read or written, without doing so; once, or each time.

use super::{Answer, Many, Multishot, Op, Operation};
use crate::driver;
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Interest, Request};
use std::io;

/// Waits until one direction of a descriptor is ready, or its other end is gone. Takes nothing out
/// of it, so nothing is lost when the future is dropped. What is ready when it is submitted is
/// answered at once.
#[derive(Debug)]
pub(crate) struct PollOp {
    on: Target,
    interest: Interest,
}

impl PollOp {
    pub(crate) fn new(on: impl Into<Target>, interest: Interest) -> Op<Self> {
        Op::new(Self { on: on.into(), interest })
    }
}

// SAFETY: no pointers; the target is counted.
unsafe impl Operation for PollOp {
    type Output = io::Result<()>;

    const NAME: &'static str = "poll";

    const NEEDS: &'static [Capability] = &[Capability::Poll];

    const ACTS: bool = false;

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        Some(Request::Poll { on: self.on.raw(), interest: self.interest })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}

/// What has come after the end: the other side has shut its direction down, or the connection is
/// broken.
const ENDED: u32 = (libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR) as u32;

/// So many answers may wait for the code that polls, which needs to know of one. The kernel is not
/// to go on about what comes for a stream that is read without waiting.
const MOST: usize = 4;

/// Tells each time that something has come to be read. What was there at such a time, and still is,
/// it tells of once; but for what is there when it begins.
#[derive(Debug)]
pub(crate) struct PollMany {
    on: Target,
}

impl PollMany {
    pub(crate) fn new(on: impl Into<Target>) -> Many<Self> {
        Many::new(Self { on: on.into() })
    }
}

// SAFETY: no pointers; the target is counted.
unsafe impl Multishot for PollMany {
    /// Whether nothing comes any more.
    type Item = io::Result<bool>;

    const NAME: &'static str = "poll, many";

    const NEEDS: &'static [Capability] = &[Capability::PollMany];

    fn target(&self) -> RawTarget {
        self.on.raw()
    }

    fn request(&mut self) -> Request {
        Request::PollMany { on: self.on.raw() }
    }

    fn many(&self) -> driver::Many {
        driver::Many { most: MOST, taken: None }
    }

    fn answer(&self, answer: Answer) -> Self::Item {
        answer.result.map(|events| events & ENDED != 0)
    }
}
