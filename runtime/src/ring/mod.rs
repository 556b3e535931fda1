//! The seam: one core's kernel. Requests go in, completions come out, and time is read here.
//!
//! Operations speak [`Request`] and [`Completion`], the driver [`Submission`] and [`EnterWait`] as
//! well; the doctor alone looks at the parts of a real ring. Which kernel a core runs on is chosen
//! when it starts ([`Config::kernel`](crate::config::Config)):
//!
//! ```text
//!   uring/      the kernel's io_uring
//!   modelled/   no kernel at all: for the model checker, for Miri, and for tests
//! ```
//!
//! ```text
//!   push ──▶ [submission queue] ──▶ enter ──▶ kernel ──▶ [completion queue] ──▶ reap
//! ```
//!
//! The ring is driven by the thread that made it, and by no other process.
//!
//! # What goes past the seam
//!
//! These calls reach the operating system on other ways, each for a reason; another kernel has to
//! answer for them by other means, or leave them as they are.
//!
//! | what | where | why |
//! |---|---|---|
//! | to make, bind and set up sockets | `net` (socket2) | does not wait; rings have it since 6.11 |
//! | to open, read whole and close what is cached | `fs`, `sys/file` | does not wait; takes less |
//! | to close where there is no ring, or no room | `fd`, `op/close` | the ring cannot |
//! | to look at `SO_LINGER`, to duplicate a descriptor | `fd`, `net` | does not wait |
//! | to ask for the peer of a connection that was accepted | `net` | does not wait |
//! | to receive and send for code that polls | `net/polled*` | lends its buffer for one call only |
//! | to connect to a local socket that has room | `net` | does not wait; rings cannot tell |
//! | to shut down a direction whose half was dropped | `net` | does not wait |
//! | to lock files, to list directories, to find holes | `fs`, `sys/file` | rings have none of it |
//! | to look at a file's kind, length, mount, seals | `fs`, `sys/file` | where no server is asked |
//! | to take `O_NONBLOCK` away from what was opened | `fs` | does not wait; rings have none of it |
//! | to look up a host's name | `net/lookup` | only the C library can; on a thread of the pool |
//! | blocking calls, cores, the stall detector | `blocking`, `cores`, `stall` | are threads |
//! | to start processes | `process` | rings cannot; on a thread of the pool |
//! | to signal and reap processes | `process`, `sys` | does not wait |
//! | to open named pipes, to ask for terminals | `pipe` | does not wait |
//! | to splice from socket to socket | `io/splice` | does not wait; rings use a thread for it |
//! | signals | `signal` | a handler writes to a socket, which the ring polls |
//! | the write to a doorbell | `sys/shared` | it comes from other threads; the bell is the ring's |
//! | affinity, limits, groups, forks | `sys` | asked once, when a core starts |
//! | the clock outside of a core's turns | `sys`, `stall`, `time` | there may be no ring |
//! | `/proc` and `/sys` | `diagnosis`, `doctor`, `sys` | for explanations |
//! | standard error, a trace's file | `stall`, `dump`, `entry`, `chrome_trace` | for people |

mod buffer_queue;
mod completion;
mod in_buffer;
#[cfg(any(test, loom, miri))]
mod modelled;
mod request;
mod uring;

use crate::config::{Config, Kernel};
use crate::sys::shared::EventFd;
use std::io;
use std::os::fd::{OwnedFd, RawFd};

pub(crate) use buffer_queue::{BufferQueue, MOST_BUFFERS};
pub(crate) use completion::{Batch, Completion, EnterWait};
pub(crate) use in_buffer::InBuffer;
pub use request::Interest;
pub(crate) use request::{Capability, NEXT, OpenHow, RawPath, Request, Submission, Wait};
pub(crate) use uring::{
    Extra, MORE_MEMORY, POOLS, Step, Switch, TRIALS, Trial, Uring, fatal, ring_bytes,
};

/// One core's kernel.
#[allow(clippy::large_enum_variant, reason = "a core has one of them, and does not move it")]
#[derive(Debug)]
pub(crate) enum Ring {
    Uring(Uring),
    #[cfg(any(test, loom, miri))]
    Modelled(modelled::Modelled),
}

/// Calls a method of the kernel that was chosen.
macro_rules! forward {
    ($ring:expr, $kernel:ident => $call:expr) => {
        match $ring {
            Self::Uring($kernel) => $call,
            #[cfg(any(test, loom, miri))]
            Self::Modelled($kernel) => $call,
        }
    };
}

impl Ring {
    /// Makes the kernel that was chosen, and proves that it works and is capable of `needed`; the
    /// error says what is missing and the remedy.
    pub(crate) fn new(config: &Config, needed: &[Capability]) -> io::Result<Self> {
        match config.kernel {
            Kernel::Uring => Uring::new(config, needed).map(Self::Uring),
            #[cfg(any(test, loom, miri))]
            Kernel::Modelled => Ok(Self::Modelled(modelled::Modelled::new(config))),
        }
    }

    /// The eventfd that wakes a core that sleeps in here, from any thread.
    pub(crate) fn doorbell(&self) -> io::Result<EventFd> {
        forward!(self, kernel => kernel.doorbell())
    }

    /// Another descriptor of the ring, for other rings to post to.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        forward!(self, kernel => kernel.duplicate())
    }

    /// Whether the start has checked that the kernel is capable of this.
    pub(crate) fn is_capable(&self, capability: Capability) -> bool {
        forward!(self, kernel => kernel.is_capable(capability))
    }

    /// Whether this is a forked child, in which the ring's memory does not exist.
    pub(crate) fn forked(&self) -> bool {
        forward!(self, kernel => kernel.forked())
    }

    /// Fills the submission queue from `next`, until that has no more or the queue is full.
    ///
    /// # Safety
    ///
    /// Every pointer in a request stays valid until the final completion of its submission.
    pub(crate) unsafe fn push(&mut self, next: impl FnMut() -> Option<Submission>) {
        // SAFETY: the caller's promise, handed on.
        forward!(self, kernel => unsafe { kernel.push(next) })
    }

    /// Entries that the kernel has not taken yet.
    pub(crate) fn unsubmitted(&mut self) -> usize {
        forward!(self, kernel => kernel.unsubmitted())
    }

    /// Whether the kernel has completions that only an `enter` brings out.
    pub(crate) fn has_deferred_work(&mut self) -> bool {
        forward!(self, kernel => kernel.has_deferred_work())
    }

    /// Whether there are completions to be reaped.
    pub(crate) fn has_completions(&mut self) -> bool {
        forward!(self, kernel => kernel.has_completions())
    }

    /// Whether completions wait in the kernel because the queue was full.
    pub(crate) fn overflowed(&mut self) -> bool {
        forward!(self, kernel => kernel.overflowed())
    }

    /// The one way into the kernel: submits what is queued, runs what is due, and waits.
    ///
    /// Returns early for a signal or when the kernel is short of memory; what was not submitted
    /// stays queued. An error means that the ring is of no use any more.
    pub(crate) fn enter(&mut self, wait: EnterWait, batch: Batch) -> io::Result<()> {
        forward!(self, kernel => kernel.enter(wait, batch))
    }

    /// Copies all completions out and gives their places back to the kernel, so that nothing is
    /// borrowed while they are acted on.
    pub(crate) fn reap(&mut self, into: &mut impl Extend<Completion>) {
        forward!(self, kernel => kernel.reap(into));
    }

    /// From now on, requests that name this group take their buffers from this queue. All of them
    /// are parts of `memory`: a kernel that is modelled reaches them by way of that.
    ///
    /// # Errors
    ///
    /// The kernel has no room for the queue; the error names the remedy.
    ///
    /// # Safety
    ///
    /// No request names the group after the queue was dropped.
    pub(crate) unsafe fn register_buffers(
        &mut self,
        group: u16,
        queue: &BufferQueue,
        memory: *mut u8,
    ) -> io::Result<()> {
        // SAFETY: the caller's promise, handed on.
        forward!(self, kernel => unsafe { kernel.register_buffers(group, queue, memory) })
    }

    /// The group has no queue any more. No request in flight names it.
    pub(crate) fn unregister_buffers(&mut self, group: u16) {
        forward!(self, kernel => kernel.unregister_buffers(group));
    }

    /// Gives an open file a slot of the kernel's table, so that it need not look the descriptor up
    /// for each request. `None`: all are taken, or the kernel has none that is of use.
    pub(crate) fn register_file(&mut self, fd: RawFd) -> Option<u16> {
        forward!(self, kernel => kernel.register_file(fd))
    }

    /// The slot is free again, before the descriptor is closed. No request in flight names it.
    pub(crate) fn take_back_file(&mut self, slot: u16) {
        forward!(self, kernel => kernel.take_back_file(slot));
    }

    /// Has the kernel keep this memory at hand, so that it need not look it up for each read and
    /// write that is within. `None`: it does not; its table is full, or so is what it may keep.
    ///
    /// # Safety
    ///
    /// The memory is there until it was taken back, or for ever.
    pub(crate) unsafe fn register_memory(&mut self, start: *mut u8, length: usize) -> Option<u16> {
        // SAFETY: the caller's promise, handed on.
        forward!(self, kernel => unsafe { kernel.register_memory(start, length) })
    }

    /// The memory is as any other. Requests in flight may still be within it.
    pub(crate) fn unregister_memory(&mut self, slot: u16) {
        forward!(self, kernel => kernel.unregister_memory(slot));
    }

    /// The clock of this kernel, in nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        forward!(self, kernel => kernel.now())
    }

    /// The clock as of its last tick: cheap to read, and never ahead of [`now`](Self::now).
    pub(crate) fn tick(&self) -> u64 {
        forward!(self, kernel => kernel.tick())
    }
}
