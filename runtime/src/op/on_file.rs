//! What is done with an open file as a whole, or with a part of it, and lends no memory.

use super::{Answer, Op, Operation};
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use std::io;

/// One of the commands below.
///
/// # Safety
///
/// The request has no pointers.
pub(crate) unsafe trait FileCommand: 'static {
    /// See [`Operation::NAME`].
    const NAME: &'static str;

    /// See [`Operation::NEEDS`].
    const NEEDS: &'static [Capability];

    /// What to ask.
    fn request(&self, on: RawTarget) -> Request;
}

/// Carries a command out on an open file.
#[derive(Debug)]
pub(crate) struct OnFile<C> {
    on: Target,
    command: C,
}

impl<C: FileCommand> OnFile<C> {
    pub(crate) fn new(on: impl Into<Target>, command: C) -> Op<Self> {
        Op::new(Self { on: on.into(), command })
    }
}

// SAFETY: no pointers (`FileCommand`); the target is counted.
unsafe impl<C: FileCommand> Operation for OnFile<C> {
    type Output = io::Result<()>;

    const NAME: &'static str = C::NAME;

    const NEEDS: &'static [Capability] = C::NEEDS;

    fn target(&self) -> Option<RawTarget> {
        Some(self.on.raw())
    }

    fn request(&mut self) -> Option<Request> {
        Some(self.command.request(self.on.raw()))
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result.map(drop)
    }
}

/// Waits until the disk keeps what was written; `data_only` without what reads do not need.
#[derive(Debug)]
pub(crate) struct SyncOp {
    pub(crate) data_only: bool,
}

// SAFETY: no pointers.
unsafe impl FileCommand for SyncOp {
    const NAME: &'static str = "fsync";

    const NEEDS: &'static [Capability] = &[Capability::Sync];

    fn request(&self, on: RawTarget) -> Request {
        Request::Sync { on, data_only: self.data_only }
    }
}

/// Writes a part back; zero bytes reach to the end.
#[derive(Debug)]
pub(crate) struct SyncRange {
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) flags: u32,
}

// SAFETY: no pointers.
unsafe impl FileCommand for SyncRange {
    const NAME: &'static str = "sync_file_range";

    const NEEDS: &'static [Capability] = &[Capability::SyncRange];

    fn request(&self, on: RawTarget) -> Request {
        let Self { offset, length, flags } = *self;
        Request::SyncRange { on, offset, length, flags }
    }
}

/// Allocates or frees a part, as of fallocate(2).
#[derive(Debug)]
pub(crate) struct Allocate {
    pub(crate) mode: i32,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

// SAFETY: no pointers.
unsafe impl FileCommand for Allocate {
    const NAME: &'static str = "fallocate";

    const NEEDS: &'static [Capability] = &[Capability::Allocate];

    fn request(&self, on: RawTarget) -> Request {
        let Self { mode, offset, length } = *self;
        Request::Allocate { on, mode, offset, length }
    }
}

/// Cuts the file to so many bytes, or extends it with zeros.
#[derive(Debug)]
pub(crate) struct Truncate {
    pub(crate) length: u64,
}

// SAFETY: no pointers.
unsafe impl FileCommand for Truncate {
    const NAME: &'static str = "ftruncate";

    /// Not all kernels have it (`Capability::OPTIONAL`).
    const NEEDS: &'static [Capability] = &[];

    fn request(&self, on: RawTarget) -> Request {
        Request::Truncate { on, length: self.length }
    }
}

/// Tells how a part will be used; zero bytes reach to the end.
#[derive(Debug)]
pub(crate) struct Advise {
    pub(crate) advice: i32,
    pub(crate) offset: u64,
    pub(crate) length: u32,
}

// SAFETY: no pointers.
unsafe impl FileCommand for Advise {
    const NAME: &'static str = "fadvise";

    const NEEDS: &'static [Capability] = &[Capability::Advise];

    fn request(&self, on: RawTarget) -> Request {
        let Self { advice, offset, length } = *self;
        Request::Advise { on, advice, offset, length }
    }
}
