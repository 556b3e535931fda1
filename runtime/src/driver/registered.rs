//! What the kernel keeps at hand: open files, and memory that is read into and written from.

use super::Driver;
use crate::fd::Table;
use std::cell::RefCell;
use std::os::fd::RawFd;

impl Driver {
    /// A slot for an open file, to be taken back before that is closed; `None`: there is none.
    pub(crate) fn register_file(&mut self, fd: RawFd) -> Option<u16> {
        self.ring.register_file(fd)
    }

    /// Has the kernel keep this memory at hand; `None`: it does not.
    ///
    /// # Safety
    ///
    /// The memory is there until it was taken back, or for ever.
    pub(crate) unsafe fn register_memory(&mut self, start: *mut u8, length: usize) -> Option<u16> {
        // SAFETY: the caller's promise, handed on.
        unsafe { self.ring.register_memory(start, length) }
    }

    /// The memory is as any other.
    pub(crate) fn unregister_memory(&mut self, slot: u16) {
        self.ring.unregister_memory(slot);
    }
}

impl Table for RefCell<Driver> {
    fn take_back(&self, slot: u16) {
        self.borrow_mut().ring.take_back_file(slot);
    }
}
