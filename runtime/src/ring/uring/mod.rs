//! `Uring`: one io_uring instance.

mod behaviour;
mod encode;
mod encode_files;
mod enter;
mod explain;
mod extras;
mod ladder;
mod mapped;
mod registered;
mod setup;
mod switch;
#[cfg(test)]
mod tests;

use super::{Batch, BufferQueue, Capability, Completion, EnterWait, Submission};
use crate::config::Config;
use crate::diagnosis::{Facts, opening};
use crate::sys::shared::EventFd;
use enter::Door;
use mapped::Mapped;
use registered::Registered;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

pub(crate) use behaviour::{POOLS, TRIALS, Trial};
pub(crate) use enter::fatal;
pub(crate) use explain::{MORE_MEMORY, ring_bytes};
pub(crate) use extras::Extra;
pub(crate) use setup::Step;
pub(crate) use switch::Switch;

/// One io_uring instance.
pub(crate) struct Uring {
    // Before `uring`: it has to give its registration back while the ring is open.
    door: Door,
    uring: Mapped,
    /// An entry is found by its place, not through an index.
    direct: bool,
    /// What the ring was found to be capable of when it was made.
    capable: Vec<Capability>,
    registered: Registered,
}

impl fmt::Debug for Uring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uring").field("door", &self.door).finish_non_exhaustive()
    }
}

impl Uring {
    /// Sets the ring up and proves that it works and is capable of what is needed; the error says
    /// what is missing and the remedy.
    pub(crate) fn new(config: &Config, needed: &[Capability]) -> io::Result<Self> {
        setup::open(config, needed, &mut |_| {})
    }

    /// As [`new`](Self::new), and tells of each step that went well.
    pub(crate) fn stepwise(
        config: &Config,
        needed: &[Capability],
        mut passed: impl FnMut(Step),
    ) -> io::Result<Self> {
        setup::open(config, needed, &mut passed)
    }

    /// An event counter, which the ring polls.
    #[expect(clippy::unused_self, reason = "another kernel's is its own")]
    pub(super) fn doorbell(&self) -> io::Result<EventFd> {
        EventFd::new().map_err(|error| opening("eventfd", &error))
    }

    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        // SAFETY: the ring's own descriptor is open as long as `self`.
        let ring = unsafe { BorrowedFd::borrow_raw(self.uring.as_raw_fd()) };
        ring.try_clone_to_owned().map_err(|error| opening("fcntl", &error))
    }

    pub(super) fn forked(&self) -> bool {
        self.uring.forked()
    }

    fn check_process(&self) {
        assert!(
            !self.forked(),
            "this process was forked from one that runs nestling: a ring belongs to the process \
             that made it. Start the runtime after the fork, or use exec in the child"
        );
    }

    pub(super) fn is_capable(&self, capability: Capability) -> bool {
        self.capable.contains(&capability)
    }

    /// # Safety
    ///
    /// See [`Ring::push`](super::Ring::push).
    pub(super) unsafe fn push(&mut self, mut next: impl FnMut() -> Option<Submission>) {
        self.check_process();
        let mut queue = self.uring.submission();
        while !queue.is_full() {
            let Some(submission) = next() else { return };
            // SAFETY: the caller's promise, handed on.
            let pushed = unsafe { queue.push(&encode::entry(&submission, &self.registered)) };
            assert!(pushed.is_ok(), "the queue was not full");
        }
    }

    pub(super) fn unsubmitted(&mut self) -> usize {
        self.uring.submission().len()
    }

    pub(super) fn has_deferred_work(&mut self) -> bool {
        self.check_process();
        let queue = self.uring.submission();
        queue.taskrun() || queue.cq_overflow()
    }

    pub(super) fn has_completions(&mut self) -> bool {
        !self.uring.completion().is_empty()
    }

    pub(super) fn overflowed(&mut self) -> bool {
        self.uring.submission().cq_overflow()
    }

    pub(super) fn enter(&mut self, wait: EnterWait, batch: Batch) -> io::Result<()> {
        self.check_process();
        let submit = self.unsubmitted() as u32;
        let entered = self.door.enter(submit, wait, batch);
        self.retire();
        entered
    }

    pub(super) fn reap(&mut self, into: &mut impl Extend<Completion>) {
        self.check_process();
        into.extend(self.uring.completion().map(|entry| Completion {
            user_data: entry.user_data(),
            result: entry.result(),
            flags: entry.flags(),
        }));
    }

    /// # Safety
    ///
    /// See [`Ring::register_buffers`](super::Ring::register_buffers).
    pub(super) unsafe fn register_buffers(
        &mut self,
        group: u16,
        queue: &BufferQueue,
        _: *mut u8,
    ) -> io::Result<()> {
        self.check_process();
        let (entries, count) = queue.place();
        let submitter = self.uring.submitter();
        // SAFETY: the entries are on whole pages, and live as long as the queue; the caller
        // promises that the kernel does not look for a buffer after that.
        let registered =
            unsafe { submitter.register_buf_ring_with_flags(entries as u64, count, group, 0) };
        registered.map_err(|error| explain::buffers(&error, count, &Facts::read()))
    }

    pub(super) fn unregister_buffers(&mut self, group: u16) {
        if !self.forked() {
            // This fails only for a group that is not registered.
            let _ = self.uring.submitter().unregister_buf_ring(group);
        }
    }

    pub(super) fn now(&self) -> u64 {
        crate::sys::monotonic_ns()
    }

    pub(super) fn tick(&self) -> u64 {
        crate::sys::monotonic_tick_ns()
    }
}
