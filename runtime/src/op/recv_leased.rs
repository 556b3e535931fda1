//! Receive into a buffer of a pool, which is taken when something has come.

use super::{Answer, Many, Multishot, Op, Operation};
use crate::config::POOL_SHARE;
use crate::driver;
use crate::fd::{RawTarget, Target};
use crate::pool::{Buffers, Lease};
use crate::ring::{Capability, Request, Wait};
use std::cell::Cell;
use std::io;
use std::rc::Rc;

/// What has come.
#[derive(Debug)]
pub(crate) struct Leased {
    pub(crate) lease: Lease,
    /// There was more to be had.
    pub(crate) more: bool,
}

/// The answer to a receive of either kind. Also one that is an error may have taken a buffer, which
/// goes back then.
fn leased(pool: &Buffers, answer: Answer, holder: Option<&Rc<Cell<usize>>>) -> io::Result<Leased> {
    let (more, buffer) = (answer.sock_nonempty(), answer.buffer());
    let buffer = buffer.and_then(|id| pool.named(id, holder));
    let lease = match (answer.result? as usize, buffer) {
        (0, _) => Lease::empty(),
        (length, Some(buffer)) => buffer.into_lease(0..length),
        (_, None) => return Err(io::Error::other("the kernel has received, and names no buffer")),
    };
    Ok(Leased { lease, more })
}

/// Receives once.
#[derive(Debug)]
pub(crate) struct RecvLeased {
    on: Target,
    pool: Rc<Buffers>,
    wait: Wait,
}

impl RecvLeased {
    pub(crate) fn new(on: impl Into<Target>, pool: &Rc<Buffers>, wait: Wait) -> Op<Self> {
        Op::new(Self { on: on.into(), pool: Rc::clone(pool), wait })
    }
}

// SAFETY: the pool keeps the buffers and their queue at their addresses until it is dropped, and
// this keeps the pool; the target is counted.
unsafe impl Operation for RecvLeased {
    type Output = io::Result<Leased>;

    const NAME: &'static str = "recv";

    const NEEDS: &'static [Capability] = &[Capability::RecvLeased];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let group = self.pool.group();
        Some(Request::RecvLeased { on: self.on.raw(), group, wait: self.wait })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        leased(&self.pool, answer, None)
    }
}

/// Receives one after the other.
#[derive(Debug)]
pub(crate) struct RecvMany {
    on: Target,
    pool: Rc<Buffers>,
    /// How many buffers its owner was given that have not gone back.
    held: Rc<Cell<usize>>,
}

impl RecvMany {
    pub(crate) fn new(
        on: impl Into<Target>,
        pool: &Rc<Buffers>,
        held: &Rc<Cell<usize>>,
    ) -> Many<Self> {
        Many::new(Self { on: on.into(), pool: Rc::clone(pool), held: Rc::clone(held) })
    }

    /// How many buffers of a pool may wait for the future; and how many its owner may have besides,
    /// until the stream has its share.
    pub(crate) fn half_share(pool: &Buffers) -> usize {
        (pool.count() / POOL_SHARE / 2).max(1)
    }
}

// SAFETY: as above.
unsafe impl Multishot for RecvMany {
    type Item = io::Result<Leased>;

    const NAME: &'static str = "recv, many";

    const NEEDS: &'static [Capability] = &[Capability::RecvMany];

    fn target(&self) -> RawTarget {
        self.on.raw()
    }

    fn request(&mut self) -> Request {
        Request::RecvMany { on: self.on.raw(), group: self.pool.group() }
    }

    fn many(&self) -> driver::Many {
        driver::Many { most: Self::half_share(&self.pool), taken: Some(self.pool.taken()) }
    }

    fn answer(&self, answer: Answer) -> Self::Item {
        leased(&self.pool, answer, Some(&self.held))
    }
}
