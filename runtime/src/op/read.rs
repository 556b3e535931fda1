//! Read what comes next into an owned buffer.

use super::recv::{MAX_LENGTH, Received};
use super::{Answer, Op, Operation};
use crate::buf::{BufResult, IoBufMut};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, NEXT, Request};

/// Reads from a pipe or a terminal, or from a file at its position.
#[derive(Debug)]
pub(crate) struct Read<B> {
    on: Target,
    buffer: B,
    /// Bytes at its start that stay.
    skip: usize,
    /// The kernel does not tell in advance whether it would stop the thread.
    on_worker: bool,
}

impl<B: IoBufMut> Read<B> {
    /// Reads behind the first `skip` bytes of the buffer, which are initialised.
    pub(crate) fn new(on: impl Into<Target>, buffer: B, skip: usize, on_worker: bool) -> Op<Self> {
        assert!(skip <= buffer.io_len(), "no hole is left before what is read");
        Op::new(Self { on: on.into(), buffer, skip, on_worker })
    }

    fn room(&self) -> usize {
        self.buffer.io_capacity().saturating_sub(self.skip)
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBufMut`); the target is counted.
unsafe impl<B: IoBufMut> Operation for Read<B> {
    type Output = BufResult<Received, B>;

    const NAME: &'static str = "read";

    const NEEDS: &'static [Capability] = &[Capability::Read];

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let length = self.room().min(MAX_LENGTH) as u32;
        let start = self.buffer.io_ptr_mut().wrapping_add(self.skip);
        let (on, on_worker) = (self.on.raw(), self.on_worker);
        Some(Request::Read { on, start, length, offset: NEXT, on_worker })
    }

    fn complete(mut self, answer: Answer) -> Self::Output {
        let result = answer.result.map(|length| {
            let length = length as usize;
            assert!(length <= self.room(), "the kernel read what it was asked");
            // SAFETY: the kernel has written so many bytes, and they fit; those before them were
            // initialised.
            unsafe { self.buffer.set_init(self.skip + length) };
            Received { length, more: false }
        });
        (result, self.buffer)
    }
}
