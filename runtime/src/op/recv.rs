//! Receive into an owned buffer.

use super::{Answer, Continue, Op, Operation};
use crate::buf::{BufResult, IoBufMut};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request, Wait};

/// The longest receive or send that the kernel does in one call.
pub(super) const MAX_LENGTH: usize = 0x7fff_f000;

/// Receives from a socket. Never a read: that would not be told apart from file I/O by the kernel.
#[derive(Debug)]
pub(crate) struct Recv<B> {
    on: Target,
    buffer: B,
    /// Bytes at its start that stay.
    skip: usize,
    wait: Wait,
}

/// What a receive has to tell besides its result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Received {
    pub(crate) length: usize,
    /// There was more to be had.
    pub(crate) more: bool,
}

impl From<Received> for usize {
    fn from(received: Received) -> Self {
        received.length
    }
}

impl<B: IoBufMut> Recv<B> {
    /// Receives behind the first `skip` bytes of the buffer, which are initialised.
    pub(crate) fn new(on: impl Into<Target>, buffer: B, skip: usize, wait: Wait) -> Op<Self> {
        assert!(skip <= buffer.io_len(), "no hole is left before what is received");
        Op::new(Self { on: on.into(), buffer, skip, wait })
    }

    fn room(&self) -> usize {
        self.buffer.io_capacity().saturating_sub(self.skip)
    }
}

impl<B> Continue for Recv<B> {
    fn skip(&self) -> usize {
        self.skip
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBufMut`); the target is counted.
unsafe impl<B: IoBufMut> Operation for Recv<B> {
    type Output = BufResult<Received, B>;

    const NAME: &'static str = "recv";

    const NEEDS: &'static [Capability] = &[Capability::Recv];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let length = self.room().min(MAX_LENGTH) as u32;
        let start = self.buffer.io_ptr_mut().wrapping_add(self.skip);
        Some(Request::Recv { on: self.on.raw(), start, length, wait: self.wait })
    }

    #[inline(always)]
    fn complete(mut self, answer: Answer) -> Self::Output {
        let more = answer.sock_nonempty();
        let result = answer.result.map(|length| {
            let length = length as usize;
            assert!(length <= self.room(), "the kernel received what it was asked");
            // SAFETY: the kernel has written so many bytes, and they fit; those before them were
            // initialised.
            unsafe { self.buffer.set_init(self.skip + length) };
            Received { length, more }
        });
        (result, self.buffer)
    }
}
