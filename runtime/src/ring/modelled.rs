//! `Ring` without a kernel, for the model checker and for Miri: no-operations, polls of a bell, and
//! messages to other rings; for Miri, which has a clock, deadlines and operations that are lent
//! memory.
//!
//! As with the real one, nothing that others cause shows before this thread enters; and an enter
//! that finds no memory takes nothing.

use super::loopback::Loopback;
use super::{Batch, Completion, Entry, Wait, opcode};
use crate::config::Config;
use crate::sys::shared::kernel::{self, Port};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

const MORE: u32 = 1 << 1;

#[derive(Debug)]
pub(crate) struct Ring {
    number: u32,
    entries: usize,
    queued: Vec<Entry>,
    done: Vec<Completion>,
    port: Arc<Port>,
    loopback: Loopback,
}

/// The front of `struct io_uring_sqe`, the kernel's interface.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(super) struct Front {
    pub(super) opcode: u8,
    flags: u8,
    priority: u16,
    pub(super) fd: i32,
    /// Of a message: the name under which it arrives. Of an accept: where the length stands.
    pub(super) offset: u64,
    /// What is lent. Of a cancel: the name of what is to end.
    pub(super) address: u64,
    pub(super) length: u32,
    options: u32,
    pub(super) user_data: u64,
}

impl Front {
    fn of(entry: &Entry) -> Self {
        // SAFETY: an `Entry` is one `io_uring_sqe`, which starts with these fields; all are plain
        // numbers, and its alignment is theirs.
        unsafe { std::ptr::from_ref(entry).cast::<Self>().read() }
    }
}

impl Ring {
    #[expect(clippy::unnecessary_wraps, reason = "the real one may fail")]
    pub(crate) fn new(config: &Config) -> io::Result<Self> {
        let number = kernel::conduct(|kernel| {
            kernel.rings += 1;
            kernel.rings
        });
        let entries = config.entries as usize;
        let (queued, done) = (Vec::new(), Vec::new());
        Ok(Self { number, entries, queued, done, port: Port::new(), loopback: Loopback::default() })
    }

    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        let fd = OwnedFd::from(io::pipe()?.0);
        self.port.register(fd.as_raw_fd());
        Ok(fd)
    }

    pub(crate) fn forked(&self) -> bool {
        false
    }

    /// # Safety
    ///
    /// None: no pointer is followed.
    pub(crate) unsafe fn push(&mut self, mut next: impl FnMut() -> Option<Entry>) {
        while self.queued.len() < self.entries {
            let Some(entry) = next() else { return };
            self.queued.push(entry);
        }
    }

    pub(crate) fn unsubmitted(&mut self) -> usize {
        self.queued.len()
    }

    pub(crate) fn has_deferred_work(&mut self) -> bool {
        self.port.is_due()
    }

    pub(crate) fn has_completions(&mut self) -> bool {
        !self.done.is_empty()
    }

    pub(crate) fn overflowed(&mut self) -> bool {
        false
    }

    pub(crate) fn enter(&mut self, wait: Wait, _: Batch) -> io::Result<()> {
        let short = kernel::conduct(|kernel| {
            let short = kernel.short > 0 && self.number == 1;
            kernel.short -= u32::from(short);
            short
        });
        if short {
            return Ok(());
        }
        for entry in std::mem::take(&mut self.queued) {
            self.submit(&Front::of(&entry));
        }
        let sleep = match wait {
            _ if !self.done.is_empty() => Duration::ZERO,
            Wait::No => Duration::ZERO,
            Wait::Until(deadline) => clock::until(deadline),
            Wait::Forever => Duration::MAX,
        };
        let posted = self.port.take(sleep);
        self.done.extend(posted.into_iter().map(|(user_data, more)| Completion {
            user_data,
            result: 0,
            flags: if more { MORE } else { 0 },
        }));
        Ok(())
    }

    fn submit(&mut self, entry: &Front) {
        let Front { opcode, fd, offset, user_data, .. } = *entry;
        match opcode {
            opcode::Nop::CODE => self.done.push(Completion { user_data, result: 0, flags: 0 }),
            opcode::PollAdd::CODE => kernel::poll(fd, &self.port, user_data),
            opcode::MsgRingData::CODE => self.send(fd, offset, user_data),
            _ => self.loopback.submit(entry, &mut self.done),
        }
    }

    fn send(&mut self, fd: RawFd, offset: u64, user_data: u64) {
        let refused = kernel::conduct(|kernel| {
            kernel.messages += u32::from(!kernel.refuses);
            kernel.refuses
        });
        match kernel::ring(fd).filter(|_| !refused) {
            Some(port) => port.post((offset, false)),
            None => self.done.push(Completion { user_data, result: -libc::ENOMEM, flags: 0 }),
        }
    }

    pub(crate) fn reap(&mut self, into: &mut impl Extend<Completion>) {
        into.extend(self.done.drain(..));
    }

    pub(crate) fn now(&self) -> u64 {
        clock::now()
    }

    pub(crate) fn tick(&self) -> u64 {
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

/// The interpreter has a clock of its own, which goes on with what it does.
#[cfg(miri)]
mod clock {
    use std::time::Duration;

    pub(super) use crate::sys::monotonic_ns as now;

    pub(super) fn until(deadline: u64) -> Duration {
        Duration::from_nanos(deadline.saturating_sub(now()))
    }
}
