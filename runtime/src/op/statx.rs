//! Look at what is at a path, or at an open file.

use super::{Answer, Op, Operation, Place};
use crate::fd::{RawTarget, SharedFd};
use crate::ring::{Capability, Request};
use crate::sys::Known;
use std::ffi::CString;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;

/// Everything that the kernel can tell of a file: what stat(2) tells, its birth, and how memory for
/// direct reads has to lie.
const MASK: u32 = libc::STATX_BASIC_STATS | libc::STATX_BTIME | libc::STATX_DIOALIGN;

/// Looks at what is at a path.
pub(crate) struct Statx {
    at: Place,
    flags: i32,
    mask: u32,
    /// Boxed: the kernel writes to it.
    into: Box<MaybeUninit<libc::statx>>,
}

impl Statx {
    /// With flags as of statx(2).
    pub(crate) fn new(at: Place, flags: i32) -> Op<Self> {
        Op::new(Self { at, flags, mask: MASK, into: Box::new(MaybeUninit::zeroed()) })
    }

    /// Looks at an open file, for no more than [`Known`] has, and as far as is known here.
    pub(crate) fn of_open(file: SharedFd) -> Op<Self> {
        let (at, flags) = (Place::below(file, CString::default()), libc::AT_EMPTY_PATH);
        let flags = flags | libc::AT_STATX_DONT_SYNC;
        Op::new(Self { at, flags, mask: Known::MASK, into: Box::new(MaybeUninit::zeroed()) })
    }
}

impl fmt::Debug for Statx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statx").field("at", &self.at).field("flags", &self.flags).finish()
    }
}

// SAFETY: the path is on the heap, and what is written to boxed; the directory is counted.
unsafe impl Operation for Statx {
    type Output = io::Result<Box<libc::statx>>;

    const NAME: &'static str = "statx";

    const NEEDS: &'static [Capability] = &[Capability::Statx];

    fn target(&self) -> Option<RawTarget> {
        self.at.target()
    }

    fn request(&mut self) -> Option<Request> {
        let (dir, path, flags) = (self.at.dir(), self.at.path(), self.flags);
        Some(Request::Statx { dir, path, flags, mask: self.mask, into: self.into.as_mut_ptr() })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        answer.result?;
        // SAFETY: it was zeroed, and the kernel has written to it; any bytes are a value.
        Ok(unsafe { self.into.assume_init() })
    }
}
