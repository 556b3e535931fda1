//! `Ring`: one io_uring instance.

use super::enter::Door;
use super::mapped::Mapped;
use super::{Batch, Completion, Entry, Step, Wait, explain, setup};
use crate::config::Config;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// One io_uring instance.
pub(crate) struct Ring {
    // Before `uring`: it has to give its registration back while the ring is open.
    pub(super) door: Door,
    pub(super) uring: Mapped,
    /// An entry is found by its place, not through an index.
    pub(super) direct: bool,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("door", &self.door).finish_non_exhaustive()
    }
}

impl Ring {
    /// Sets the ring up and proves that it works; the error says what is missing and the remedy.
    pub(crate) fn new(config: &Config) -> io::Result<Self> {
        setup::open(config, &mut |_| {})
    }

    /// The same, and tells of each step that went well.
    pub(crate) fn stepwise(config: &Config, mut passed: impl FnMut(Step)) -> io::Result<Self> {
        setup::open(config, &mut passed)
    }

    /// Another descriptor of the ring, for other rings to post to.
    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        // SAFETY: the ring's own descriptor is open as long as `self`.
        let ring = unsafe { BorrowedFd::borrow_raw(self.uring.as_raw_fd()) };
        ring.try_clone_to_owned().map_err(|error| explain::bell(&error))
    }

    /// Whether this is a forked child, in which the ring's memory does not exist.
    pub(crate) fn forked(&self) -> bool {
        self.uring.forked()
    }

    fn check_process(&self) {
        assert!(
            !self.forked(),
            "this process was forked from one that runs nestling: a ring belongs to the process \
             that made it. Start the runtime after the fork, or use exec in the child"
        );
    }

    /// Fills the submission queue from `next`, until that has no more or the queue is full.
    ///
    /// # Safety
    ///
    /// Every pointer in an entry stays valid until the final completion of its submission.
    pub(crate) unsafe fn push(&mut self, mut next: impl FnMut() -> Option<Entry>) {
        self.check_process();
        let mut queue = self.uring.submission();
        while !queue.is_full() {
            let Some(entry) = next() else { return };
            // SAFETY: the caller's promise, handed on.
            let pushed = unsafe { queue.push(&entry) };
            assert!(pushed.is_ok(), "the queue was not full");
        }
    }

    /// Entries that the kernel has not taken yet.
    pub(crate) fn unsubmitted(&mut self) -> usize {
        self.uring.submission().len()
    }

    /// Whether the kernel has completions that only an `enter` brings out.
    pub(crate) fn has_deferred_work(&mut self) -> bool {
        self.check_process();
        let queue = self.uring.submission();
        queue.taskrun() || queue.cq_overflow()
    }

    /// Whether there are completions to be reaped.
    pub(crate) fn has_completions(&mut self) -> bool {
        !self.uring.completion().is_empty()
    }

    /// Whether completions wait in the kernel because the queue was full.
    pub(crate) fn overflowed(&mut self) -> bool {
        self.uring.submission().cq_overflow()
    }

    /// The one way into the kernel: submits what is queued, runs what is due, and waits.
    ///
    /// Returns early for a signal or when the kernel is short of memory; what was not submitted
    /// stays queued. An error means that the ring is of no use any more.
    pub(crate) fn enter(&mut self, wait: Wait, batch: Batch) -> io::Result<()> {
        self.check_process();
        let submit = self.unsubmitted() as u32;
        self.door.enter(submit, wait, batch)
    }

    /// Copies all completions out and gives their places back to the kernel, so that nothing is
    /// borrowed while they are acted on.
    pub(crate) fn reap(&mut self, into: &mut impl Extend<Completion>) {
        self.check_process();
        into.extend(self.uring.completion().map(|entry| Completion {
            user_data: entry.user_data(),
            result: entry.result(),
            flags: entry.flags(),
        }));
    }

    /// The clock of this kernel, in nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        crate::sys::monotonic_ns()
    }

    /// The same, as of its last tick: cheap, and never ahead.
    pub(crate) fn tick(&self) -> u64 {
        crate::sys::monotonic_tick_ns()
    }
}
