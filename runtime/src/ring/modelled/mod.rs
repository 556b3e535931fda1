//! `Modelled`: a ring without a kernel, for the model checker, for Miri, and for tests:
//! no-operations, polls of a doorbell, and messages to other rings; where there is a clock,
//! deadlines and operations that are lent memory.
//!
//! As with the real ring, nothing that other threads cause shows before this thread enters; and an
//! enter that finds no memory takes nothing.

mod group;
mod loopback;

use super::completion::MORE;
use super::{Batch, BufferQueue, Capability, Completion, EnterWait, Request, Submission};
use crate::config::Config;
use crate::key::Key;
use crate::sys::shared::EventFd;
use crate::sys::shared::kernel::{self, Port};
use group::Group;
use loopback::Loopback;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Modelled {
    number: u32,
    entries: usize,
    queued: Vec<Submission>,
    done: Vec<Completion>,
    port: Arc<Port>,
    loopback: Loopback,
}

impl Modelled {
    pub(super) fn new(config: &Config) -> Self {
        let number = kernel::conduct(|kernel| {
            kernel.rings += 1;
            kernel.rings
        });
        let entries = config.entries as usize;
        let (queued, done) = (Vec::new(), Vec::new());
        Self { number, entries, queued, done, port: Port::new(), loopback: Loopback::default() }
    }

    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "a real one may fail")]
    pub(super) fn doorbell(&self) -> io::Result<EventFd> {
        Ok(EventFd::modelled())
    }

    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        let fd = OwnedFd::from(io::pipe()?.0);
        self.port.register(fd.as_raw_fd());
        Ok(fd)
    }

    #[expect(clippy::unused_self, reason = "a real one knows what it was asked")]
    pub(super) fn is_capable(&self, _: Capability) -> bool {
        true
    }

    pub(super) fn forked(&self) -> bool {
        false
    }

    /// # Safety
    ///
    /// See [`Ring::push`](super::Ring::push).
    pub(super) unsafe fn push(&mut self, mut next: impl FnMut() -> Option<Submission>) {
        while self.queued.len() < self.entries {
            let Some(submission) = next() else { return };
            self.queued.push(submission);
        }
    }

    pub(super) fn unsubmitted(&mut self) -> usize {
        self.queued.len()
    }

    pub(super) fn has_deferred_work(&mut self) -> bool {
        self.port.is_due()
    }

    pub(super) fn has_completions(&mut self) -> bool {
        !self.done.is_empty()
    }

    pub(super) fn overflowed(&mut self) -> bool {
        false
    }

    pub(super) fn enter(&mut self, wait: EnterWait, _: Batch) -> io::Result<()> {
        let short = kernel::conduct(|kernel| {
            let short = kernel.short > 0 && self.number == 1;
            kernel.short -= u32::from(short);
            short
        });
        if short {
            return Ok(());
        }
        for submission in std::mem::take(&mut self.queued) {
            self.submit(submission);
        }
        let sleep = match wait {
            _ if !self.done.is_empty() => Duration::ZERO,
            EnterWait::No => Duration::ZERO,
            EnterWait::Until(deadline) => clock::until(deadline),
            EnterWait::Forever => Duration::MAX,
        };
        let posted = self.port.take(sleep);
        self.done.extend(posted.into_iter().map(|(user_data, more)| Completion {
            user_data,
            result: 0,
            flags: if more { MORE } else { 0 },
        }));
        Ok(())
    }

    fn submit(&mut self, submission: Submission) {
        let Submission { key, request } = submission;
        let user_data = key.user_data();
        match request {
            Request::Nop => self.done.push(Completion { user_data, result: 0, flags: 0 }),
            Request::Poll { on, .. } | Request::PollMany { on } => {
                kernel::poll(on.descriptor(), &self.port, user_data);
            }
            Request::Message { ring, key } => self.send(ring, key),
            _ => self.loopback.submit(submission, &mut self.done),
        }
    }

    fn send(&mut self, ring: RawFd, key: Key) {
        let refused = kernel::conduct(|kernel| {
            kernel.messages += u32::from(!kernel.refuses);
            kernel.refuses
        });
        let user_data = key.user_data();
        match kernel::ring(ring).filter(|_| !refused) {
            Some(port) => port.post((user_data, false)),
            None => self.done.push(Completion { user_data, result: -libc::ENOMEM, flags: 0 }),
        }
    }

    pub(super) fn reap(&mut self, into: &mut impl Extend<Completion>) {
        into.extend(self.done.drain(..));
    }

    /// # Safety
    ///
    /// See [`Ring::register_buffers`](super::Ring::register_buffers).
    #[expect(clippy::unnecessary_wraps, reason = "a real one may fail")]
    pub(super) unsafe fn register_buffers(
        &mut self,
        group: u16,
        queue: &BufferQueue,
        memory: *mut u8,
    ) -> io::Result<()> {
        self.loopback.groups.insert(group, Group::new(queue, memory));
        Ok(())
    }

    pub(super) fn unregister_buffers(&mut self, group: u16) {
        self.loopback.groups.remove(&group);
    }

    #[expect(clippy::unused_self, reason = "a real one has a table")]
    pub(super) fn register_file(&mut self, _: RawFd) -> Option<u16> {
        None
    }

    pub(super) fn take_back_file(&mut self, slot: u16) {
        unreachable!("slot {slot} was not given");
    }

    /// # Safety
    ///
    /// See [`Ring::register_memory`](super::Ring::register_memory).
    #[expect(clippy::unused_self, reason = "as above")]
    pub(super) unsafe fn register_memory(&mut self, _: *mut u8, _: usize) -> Option<u16> {
        None
    }

    pub(super) fn unregister_memory(&mut self, slot: u16) {
        unreachable!("slot {slot} was not given");
    }

    pub(super) fn now(&self) -> u64 {
        clock::now()
    }

    pub(super) fn tick(&self) -> u64 {
        clock::now()
    }
}

/// The models know no time.
#[cfg(loom)]
mod clock {
    use std::time::Duration;

    pub(super) fn now() -> u64 {
        0
    }

    pub(super) fn until(_: u64) -> Duration {
        unreachable!("the models know no time");
    }
}

/// The machine's; the interpreter has one of its own, which goes on with what it does.
#[cfg(not(loom))]
mod clock {
    use std::time::Duration;

    pub(super) use crate::sys::monotonic_ns as now;

    pub(super) fn until(deadline: u64) -> Duration {
        Duration::from_nanos(deadline.saturating_sub(now()))
    }
}
