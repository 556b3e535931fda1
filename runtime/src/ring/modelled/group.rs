//! `Group`: buffers of a pool, as a kernel that is modelled takes them.

use crate::ring::BufferQueue;
use io_uring::types::BufRingEntry;
use std::sync::atomic::{AtomicU16, Ordering};

/// A queue, of which this is the other end.
#[derive(Debug)]
pub(super) struct Group {
    entries: *mut BufRingEntry,
    count: u16,
    head: u16,
    /// What all buffers are parts of: a number alone has no way to the memory that it names.
    memory: *mut u8,
}

impl Group {
    pub(super) fn new(queue: &BufferQueue, memory: *mut u8) -> Self {
        let (entries, count) = queue.place();
        Self { entries, count, head: 0, memory }
    }

    /// Takes the oldest buffer: its name, where it starts, and how long it is.
    pub(super) fn take(&mut self) -> Option<(u16, *mut u8, u32)> {
        // SAFETY: the one that has registered it keeps the queue for as long as the group is named.
        let tail = unsafe { BufRingEntry::tail(self.entries) };
        // SAFETY: aligned, and there as long as the entries.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        if tail.load(Ordering::Acquire) == self.head {
            return None;
        }
        let entry = self.entries.wrapping_add((self.head & (self.count - 1)).into());
        // SAFETY: below the count of the entries, published, and not changed until it was taken.
        let entry = unsafe { &*entry };
        self.head = self.head.wrapping_add(1);
        let start = self.memory.with_addr(entry.addr() as usize);
        Some((entry.bid(), start, entry.len()))
    }
}
