//! `BufferQueue`: buffers that the kernel may take when something has come, oldest first.
//!
//! ```text
//!   push ──▶ [ tail ... head ] ──▶ the kernel takes one, and names it in its completion
//! ```

use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// The kernel maps whole pages.
const PAGE: usize = 4096;

/// The most that a kernel takes into one queue.
pub(crate) const MOST_BUFFERS: usize = 1 << 15;

/// A queue in memory that is shared with the kernel once it is
/// [registered](super::Ring::register_buffers). The entries stay where they are when this is moved.
#[derive(Debug)]
pub(crate) struct BufferQueue {
    entries: NonNull<BufRingEntry>,
    count: u16,
    tail: u16,
}

impl BufferQueue {
    /// An empty queue with room for so many buffers: a power of two, at most [`MOST_BUFFERS`].
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub(crate) fn new(count: usize) -> io::Result<Self> {
        assert!(count.is_power_of_two() && count <= MOST_BUFFERS, "checked where it was asked for");
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(layout(count)) };
        let entries = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { entries, count: count as u16, tail: 0 })
    }

    /// Where the kernel finds the queue, and how many entries there are.
    pub(super) fn place(&self) -> (*mut BufRingEntry, u16) {
        (self.entries.as_ptr(), self.count)
    }

    /// Gives the kernel one more buffer, under this name.
    ///
    /// # Safety
    ///
    /// No more buffers are in the queue than there is room for. The memory is valid for writes, and
    /// nothing else reads or writes it, until the kernel has named the buffer in a completion, or
    /// will take nothing more from this queue.
    pub(crate) unsafe fn push(&mut self, id: u16, start: *mut u8, length: u32) {
        let at = self.tail & (self.count - 1);
        // SAFETY: the index is below the count of the entries.
        let entry = unsafe { self.entries.add(at.into()) };
        // SAFETY: the entry is initialised, and the kernel does not read it before it is published.
        let entry = unsafe { &mut *entry.as_ptr() };
        // Not the entry as a whole: the tail stands in the first one.
        entry.set_addr(start.addr() as u64);
        entry.set_len(length);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
        self.tail_in_memory().store(self.tail, Ordering::Release);
    }

    fn tail_in_memory(&self) -> &AtomicU16 {
        // SAFETY: the first entry lives as long as `self`.
        let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: it is aligned, and lives as long as `self`; it is changed here alone, and the
        // kernel reads it as an atomic.
        unsafe { AtomicU16::from_ptr(tail.cast_mut()) }
    }
}

fn layout(count: usize) -> Layout {
    let size = count * size_of::<BufRingEntry>();
    Layout::from_size_align(size.next_multiple_of(PAGE), PAGE).expect("no more than a few pages")
}

impl Drop for BufferQueue {
    fn drop(&mut self) {
        // SAFETY: allocated by `new`, with this layout. If the kernel still knows of it, that has
        // the pages for itself, and takes no buffer any more: every operation on the queue keeps
        // it alive.
        unsafe { dealloc(self.entries.as_ptr().cast(), layout(self.count.into())) };
    }
}
