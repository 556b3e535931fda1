//! `Ring` for the model checker: no-operations, polls of a bell, and messages to other rings.
//!
//! As with the real one, nothing that others cause shows before this thread enters; and an enter
//! that finds no memory takes nothing.

use super::{Batch, Completion, Entry, Wait, opcode};
use crate::config::Config;
use crate::sys::shared::kernel::{self, Port};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

const MORE: u32 = 1 << 1;

#[derive(Debug)]
pub(crate) struct Ring {
    number: u32,
    entries: usize,
    queued: Vec<Entry>,
    done: Vec<Completion>,
    port: Arc<Port>,
}

/// The head of `struct io_uring_sqe`, the kernel's interface.
#[repr(C)]
#[derive(Clone, Copy)]
struct Head {
    opcode: u8,
    flags: u8,
    priority: u16,
    fd: i32,
    /// Of a message: the name under which it arrives.
    offset: u64,
}

impl Head {
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
        Ok(Self { number, entries, queued: Vec::new(), done: Vec::new(), port: Port::new() })
    }

    pub(crate) fn duplicate(&self) -> io::Result<OwnedFd> {
        let fd = OwnedFd::from(File::open("/dev/null")?);
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
        assert!(!matches!(wait, Wait::Until(_)), "the models know no time");
        let short = kernel::conduct(|kernel| {
            let short = kernel.short > 0 && self.number == 1;
            kernel.short -= u32::from(short);
            short
        });
        if short {
            return Ok(());
        }
        for entry in std::mem::take(&mut self.queued) {
            self.submit(&entry);
        }
        let posted = self.port.take(wait == Wait::Forever && self.done.is_empty());
        self.done.extend(posted.into_iter().map(|(user_data, more)| Completion {
            user_data,
            result: 0,
            flags: if more { MORE } else { 0 },
        }));
        Ok(())
    }

    fn submit(&mut self, entry: &Entry) {
        let Head { opcode, fd, offset, .. } = Head::of(entry);
        let user_data = entry.get_user_data();
        match opcode {
            opcode::Nop::CODE => self.done.push(Completion { user_data, result: 0, flags: 0 }),
            opcode::PollAdd::CODE => kernel::poll(fd, &self.port, user_data),
            opcode::MsgRingData::CODE => self.send(fd, offset, user_data),
            // Whatever it was to cancel has completed: nothing stays in this kernel.
            opcode::AsyncCancel::CODE => {}
            other => unreachable!("the models do not use operation {other}"),
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
        0
    }

    pub(crate) fn tick(&self) -> u64 {
        0
    }
}
