//! An allocator that counts: what the process holds, and how often each thread has asked.
#![expect(unsafe_code, reason = "an allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

struct Counting;

thread_local! {
    // Constant and without a destructor, so that it can be used inside an allocation.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Signed: threads see each other's counts in any order.
static HELD: AtomicIsize = AtomicIsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often this thread has allocated.
#[allow(dead_code, reason = "not every program asks")]
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.get()
}

/// The bytes that the process has allocated and not freed.
#[allow(dead_code, reason = "not every program asks")]
pub(crate) fn held() -> isize {
    HELD.load(Ordering::SeqCst)
}

/// A block has come, of so many bytes, in place of one of so many.
fn count(came: usize, went: usize) {
    // Wraps as the sum does: a block has at most `isize::MAX` bytes.
    HELD.fetch_add(came.wrapping_sub(went) as isize, Ordering::SeqCst);
    ALLOCATIONS.set(ALLOCATIONS.get() + u64::from(came > 0));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller's promise, handed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}
