//! Move a part of a file into a pipe.

use super::{Answer, Op, Operation};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use crate::sys::Pipe;
use std::io;

/// Moves what is at a place in a file into an empty pipe: not the bytes, but references to the
/// pages that hold them. It has the pipe meanwhile.
#[derive(Debug)]
pub(crate) struct Splice<P> {
    from: Target,
    offset: u64,
    length: usize,
    pipe: P,
}

impl<P: AsMut<Pipe> + 'static> Splice<P> {
    /// Moves at most so many bytes, and what the pipe has room for.
    pub(crate) fn new(
        from: impl Into<Target>,
        offset: u64,
        length: usize,
        mut pipe: P,
    ) -> Op<Self> {
        assert!(pipe.as_mut().is_empty(), "what is in it would be taken for a part of the file");
        Op::new(Self { from: from.into(), offset, length, pipe })
    }
}

// SAFETY: no pointers; the file is counted, and the pipe owned.
unsafe impl<P: AsMut<Pipe> + 'static> Operation for Splice<P> {
    type Output = (io::Result<usize>, P);

    const NAME: &'static str = "splice";

    const NEEDS: &'static [Capability] = &[Capability::Splice];

    /// The file has the bytes still.
    const ACTS: bool = false;

    fn target(&self) -> Option<RawTarget> {
        Some(self.from.raw())
    }

    fn request(&mut self) -> Option<Request> {
        let (to, room) = self.pipe.as_mut().lend();
        let length = self.length.min(room) as u32;
        Some(Request::Splice { from: self.from.raw(), offset: self.offset, to, length })
    }

    fn complete(mut self, answer: Answer) -> Self::Output {
        // What has moved something is no error.
        self.pipe.as_mut().set_held(answer.code.max(0) as usize);
        (answer.result.map(|length| length as usize), self.pipe)
    }
}
