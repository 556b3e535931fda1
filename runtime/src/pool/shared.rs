//! `Shared`: the part of a pool that its leases hold, on whichever thread they are: the memory, and
//! the way back.
//!
//! ```text
//!   a lease is dropped elsewhere ── give_back ──▶ returned ── take, want ──▶ the pool's core
//!                                      │ a receive waits there: the core is woken
//! ```

use super::collect;
use crate::inbox::{self, Injector};
use crate::sys::shared::{AtomicUsize, Mutex};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The buffers' memory, and those that came back on other threads.
#[derive(Debug)]
pub(crate) struct Shared {
    start: NonNull<u8>,
    layout: Layout,
    /// Bytes of one buffer.
    size: usize,
    /// The number by which the core knows the pool.
    pub(super) group: u16,
    returned: Mutex<Returned>,
    /// How many buffers are in `returned`: read without the lock, and so perhaps late.
    count: AtomicUsize,
}

/// Buffers that came back on other threads.
#[derive(Debug, Default)]
struct Returned {
    ids: Vec<u16>,
    /// The pool is gone, and takes nothing back.
    closed: bool,
    /// The core to be woken for the next one.
    bell: Option<Arc<Injector>>,
}

// SAFETY: the memory is reached through a `Buffer`, of which there is one for each part of it, or
// by the kernel while there is none.
unsafe impl Send for Shared {}
// SAFETY: as above; all else is behind a lock, or atomic.
unsafe impl Sync for Shared {}

impl Shared {
    /// Memory for so many buffers of that size. It is zeroed, so that all of it can be read; the
    /// system gives it page by page, when it is first used.
    pub(super) fn new(count: usize, size: usize, group: u16) -> io::Result<Arc<Self>> {
        Self::aligned(count, size, group, align_of::<u128>())
    }

    /// As [`new`](Self::new), from a multiple of `alignment` on.
    pub(super) fn aligned(
        count: usize,
        size: usize,
        group: u16,
        alignment: usize,
    ) -> io::Result<Arc<Self>> {
        let bytes = count.checked_mul(size).ok_or(io::ErrorKind::OutOfMemory)?;
        let layout = Layout::from_size_align(bytes, alignment);
        let layout = layout.map_err(|_| io::ErrorKind::OutOfMemory)?;
        assert!(bytes > 0, "checked where it was asked for");
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        let start = NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory)?;
        let (returned, count) = (Mutex::new(Returned::default()), AtomicUsize::new(0));
        Ok(Arc::new(Self { start, layout, size, group, returned, count }))
    }

    /// Where a buffer starts. Reading and writing is for the [`Buffer`](super::Buffer)'s owner.
    pub(super) fn at(&self, id: u16) -> *mut u8 {
        self.start.as_ptr().wrapping_add(usize::from(id) * self.size)
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    fn with_returned<R>(&self, f: impl FnOnce(&mut Returned) -> R) -> R {
        let mut returned = self.returned.lock().unwrap_or_else(PoisonError::into_inner);
        let result = f(&mut returned);
        self.count.store(returned.ids.len(), Ordering::Release);
        result
    }

    /// A buffer comes back, on a thread that does not run the pool's core.
    pub(super) fn give_back(&self, id: u16) {
        let bell = self.with_returned(|returned| {
            if !returned.closed {
                returned.ids.push(id);
            }
            returned.bell.take()
        });
        if let Some(core) = bell {
            let group = self.group;
            inbox::send(&core, move || collect(group));
        }
    }

    /// How many have come back that were not taken.
    pub(super) fn returned(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Takes what has come back.
    pub(super) fn take(&self) -> Vec<u16> {
        self.with_returned(|returned| std::mem::take(&mut returned.ids))
    }

    /// As [`take`](Self::take); if nothing has come back, the next buffer that does wakes the core.
    pub(super) fn want(&self, core: Option<Arc<Injector>>) -> Vec<u16> {
        self.with_returned(|returned| {
            if returned.ids.is_empty() {
                returned.bell = core;
            }
            std::mem::take(&mut returned.ids)
        })
    }

    /// The pool is gone.
    pub(super) fn close(&self) {
        self.with_returned(|returned| *returned = Returned { closed: true, ..Returned::default() });
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout. No buffer is left, and the kernel has none:
        // what is in flight keeps the pool, and so this.
        unsafe { dealloc(self.start.as_ptr(), self.layout) };
    }
}
