//! The queues from which the kernel takes buffers for what it receives.

use super::Driver;
use crate::ring::BufferQueue;
use std::io;

impl Driver {
    /// From now on, the kernel takes buffers of this group from this queue; they are parts of
    /// `memory`.
    ///
    /// # Errors
    ///
    /// The kernel has no room for the queue; the error names the remedy.
    ///
    /// # Safety
    ///
    /// No operation names the group after the queue was dropped.
    pub(crate) unsafe fn register_buffers(
        &mut self,
        group: u16,
        queue: &BufferQueue,
        memory: *mut u8,
    ) -> io::Result<()> {
        // SAFETY: the caller's promise, handed on.
        unsafe { self.ring.register_buffers(group, queue, memory) }
    }

    /// The group has no queue any more. No operation in flight names it.
    pub(crate) fn unregister_buffers(&mut self, group: u16) {
        self.ring.unregister_buffers(group);
    }
}
