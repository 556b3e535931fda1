//! The seam: one core's kernel. Submissions go in, completions come out, and time is read here.
//!
//! Everything above speaks [`Entry`], [`Completion`] and [`Wait`]; other kernels stand in this
//! folder, behind the same methods: so far one for the model checker and for Miri.
//!
//! ```text
//!   push ──▶ [submission queue] ──▶ enter ──▶ kernel ──▶ [completion queue] ──▶ reap
//! ```
//!
//! The ring is driven by the thread that made it, and by no other process.

#[cfg(not(any(loom, miri)))]
pub(crate) mod behaviour;
mod enter;
pub(crate) mod explain;
#[cfg(not(any(loom, miri)))]
mod extras;
pub(crate) mod facts;
#[cfg(not(any(loom, miri)))]
pub(crate) mod ladder;
#[cfg(any(loom, miri))]
mod loopback;
#[cfg(not(any(loom, miri)))]
mod mapped;
#[cfg(any(loom, miri))]
mod modelled;
mod refusal;
#[cfg(not(any(loom, miri)))]
pub(crate) mod setup;
#[cfg(not(any(loom, miri)))]
mod uring;

use std::io;

pub(crate) use enter::fatal;
#[cfg(not(any(loom, miri)))]
pub(crate) use extras::Extra;
#[cfg(any(loom, miri))]
pub(crate) use modelled::Ring;
pub(crate) use refusal::Refusal;
#[cfg(not(any(loom, miri)))]
pub(crate) use setup::Step;
#[cfg(not(any(loom, miri)))]
pub(crate) use uring::Ring;

pub(crate) use io_uring::squeue::Entry;
pub(crate) use io_uring::{opcode, squeue, types};

/// What came back for one submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Completion {
    pub(crate) user_data: u64,
    pub(crate) result: i32,
    pub(crate) flags: u32,
}

impl Completion {
    /// Whether more completions of the same submission follow.
    pub(crate) fn more(&self) -> bool {
        io_uring::cqueue::more(self.flags)
    }

    /// Whether a receive left bytes behind in the socket.
    pub(crate) fn sock_nonempty(&self) -> bool {
        io_uring::cqueue::sock_nonempty(self.flags)
    }

    /// Whether the operation was cut short, whatever the words for it.
    pub(crate) fn is_interrupted(&self) -> bool {
        [-libc::ECANCELED, -libc::EINTR].contains(&self.result) || self.is_restart()
    }

    /// ERESTARTSYS and its kin are the kernel's own words for "a signal came": K14.
    fn is_restart(&self) -> bool {
        (-516..=-512).contains(&self.result)
    }

    /// The result as a count or descriptor, or the error that the kernel answered.
    pub(crate) fn value(&self) -> io::Result<u32> {
        match u32::try_from(self.result) {
            Ok(value) => Ok(value),
            Err(_) if self.is_restart() => Err(io::Error::from_raw_os_error(libc::EINTR)),
            Err(_) => Err(io::Error::from_raw_os_error(self.result.saturating_neg())),
        }
    }
}

/// How long to stay in the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Submit, run what is due, come back.
    No,
    /// Until a completion arrives or the clock shows this, in nanoseconds.
    Until(u64),
    /// Until a completion arrives.
    Forever,
}

/// What ends a sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    /// So many completions.
    pub(crate) least: u32,
    /// After so many microseconds, fewer will do. Older kernels (before 6.12) take this for zero.
    pub(crate) moment: u32,
}

impl Batch {
    /// The first completion.
    pub(crate) const FIRST: Self = Self { least: 1, moment: 0 };
}
