//! `Operation`: what every kernel operation says about itself.

use crate::ring::{Completion, Entry};
use std::io;

/// The kernel's answer, as an operation gets to see it.
#[derive(Debug)]
pub(crate) struct Answer {
    /// A count or a descriptor; or the error, which is `Cancelled` when we asked for that.
    pub(crate) result: io::Result<u32>,
    /// The kernel's own words for it, which `result` may put otherwise; `-ECANCELED` from an
    /// operation that it never heard of.
    pub(crate) code: i32,
    /// Whether a receive left bytes behind in the socket.
    pub(crate) sock_nonempty: bool,
}

/// One kernel operation with everything it lends to the kernel.
///
/// # Safety
///
/// Every pointer in the entry that `prepare` returns stays valid, at the same address, for as long
/// as the value is not dropped: also when it is moved, and when it is leaked. So buffers are owned
/// and on the heap, and structures that the kernel reads are boxed.
pub(crate) unsafe trait Operation: 'static {
    /// What the future resolves to.
    type Output;

    /// What to ask.
    fn prepare(&mut self) -> Entry;

    /// What came back.
    fn complete(self, answer: Answer) -> Self::Output;

    /// Nobody waits any more: releases what the kernel made, then what was lent to it.
    fn discard(self, completion: Completion)
    where
        Self: Sized,
    {
        let _ = completion;
    }
}
