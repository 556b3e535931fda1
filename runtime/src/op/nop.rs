//! Nop: a round trip through the kernel, for measuring and for testing.

use super::{Answer, Op, Operation};
use crate::fd::RawTarget;
use crate::ring::{Capability, Request};
use std::io;

#[derive(Debug)]
pub(super) struct Nop;

// SAFETY: a no-operation has no pointers.
unsafe impl Operation for Nop {
    type Output = io::Result<()>;

    const NAME: &'static str = "nop";

    const NEEDS: &'static [Capability] = &[Capability::Nop];

    fn target(&self) -> Option<RawTarget> {
        None
    }

    fn request(&mut self) -> Option<Request> {
        Some(Request::Nop)
    }

    fn complete(self, answer: Answer) -> io::Result<()> {
        answer.result.map(drop)
    }
}

/// Sends nothing through the kernel and back.
///
/// # Cancellation
///
/// Like any operation: it answers once more, and the next one does not start.
///
/// # Errors
///
/// Cancellation, and the limit of operations in flight.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(nestling_runtime::lowlevel::nop())
/// # }
/// ```
pub async fn nop() -> io::Result<()> {
    Op::new(Nop).await
}
