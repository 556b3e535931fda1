//! What the kernel keeps at hand for one ring: open files, and memory.
//!
//! ```text
//!   a request names ── a descriptor, and its slot ──▶ is that descriptor there? ──▶ the slot
//!                   └─ a part of some memory ──▶ is all of it in a region? ──▶ the region
//! ```
//!
//! Both are looked at when a request becomes an entry, not before: so a request in the backlog
//! keeps no region, and one that comes to another ring than its file is as any other there.

use super::Uring;
use super::encode::place;
use crate::fd::RawTarget;
use crate::sys::Limit;
use io_uring::opcode;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;
use slab::Slab;
use std::os::fd::RawFd;
use std::ptr;

/// Slots for files, of 8 bytes of the kernel's; fewer where the process may have fewer descriptors
/// open: the kernel refuses more.
const FILES: u64 = 1024;
/// Slots for memory. Each read and write looks at those that are used.
const REGIONS: usize = 16;

/// No descriptor.
const FREE: RawFd = -1;

/// A part of the address space: where it begins, and behind its end.
type Region = (usize, usize);
/// No memory is in it.
const EMPTY: Region = (0, 0);

/// The two tables, as the kernel has them.
#[derive(Debug, Default)]
pub(super) struct Registered {
    files: Slab<RawFd>,
    regions: Slab<Region>,
    /// How many slots the kernel has given: it is asked with the first file that is to have one.
    slots: Option<usize>,
    has_regions: Option<bool>,
    /// Regions that are still to be taken out of the kernel's table.
    retired: Vec<usize>,
}

impl Registered {
    /// A read into that memory.
    #[inline]
    pub(super) fn read(
        &self,
        on: RawTarget,
        (start, length): (*mut u8, u32),
        offset: u64,
        on_worker: bool,
    ) -> Entry {
        let (on, flags) = self.on(on);
        let read = match self.region(start, length, on_worker) {
            None => opcode::Read::new(on, start, length).offset(offset).build(),
            Some(at) => opcode::ReadFixed::new(on, start, length, at).offset(offset).build(),
        };
        read.flags(flags | place(on_worker))
    }

    /// A write from that memory.
    #[inline]
    pub(super) fn write(
        &self,
        on: RawTarget,
        (start, length): (*const u8, u32),
        offset: u64,
        on_worker: bool,
    ) -> Entry {
        let (on, flags) = self.on(on);
        let write = match self.region(start, length, on_worker) {
            None => opcode::Write::new(on, start, length).offset(offset).build(),
            Some(at) => opcode::WriteFixed::new(on, start, length, at).offset(offset).build(),
        };
        write.flags(flags | place(on_worker))
    }

    /// How an entry names what a request is on.
    #[inline]
    pub(super) fn on(&self, on: RawTarget) -> (Fd, Flags) {
        match on {
            RawTarget::Registered { fd, slot } if self.files.get(slot.into()) == Some(&fd) => {
                (Fd(slot.into()), Flags::FIXED_FILE)
            }
            on => (Fd(on.descriptor()), Flags::empty()),
        }
    }

    /// The region in which all of this memory is. None for a worker: the kernel looks for the
    /// region when that begins, by when it may be another.
    #[inline]
    fn region(&self, start: *const u8, length: u32, on_worker: bool) -> Option<u16> {
        let (start, end) = (start.addr(), start.addr().checked_add(length as usize)?);
        let mut regions = self.regions.iter();
        let found = regions.find(|(_, (first, behind))| *first <= start && end <= *behind);
        // The kernel refuses a part of no bytes.
        found.filter(|_| start < end && !on_worker).map(|(slot, _)| slot as u16)
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // The kernel takes a ring down some time after its end, and with it what is in the table.
        if self.registered.slots.is_some_and(|slots| slots > 0) && !self.forked() {
            let _ = self.uring.submitter().unregister_files();
        }
    }
}

impl Uring {
    /// See `Ring::register_file`.
    pub(crate) fn register_file(&mut self, fd: RawFd) -> Option<u16> {
        self.check_process();
        let submitter = self.uring.submitter();
        // Before, the kernel lets go of a file that is taken out only some time later: it would be
        // open, and locked, after its close. (The change came with 6.13, this feature with 6.15.)
        let is_prompt = self.uring.params().is_feature_no_iowait();
        let Registered { files, slots, .. } = &mut self.registered;
        let made = || {
            let most = Limit::of_descriptors().soft.map_or(FILES, |soft| soft.min(FILES));
            let given = is_prompt && submitter.register_files_sparse(most as u32).is_ok();
            if given { most as usize } else { 0 }
        };
        if files.len() >= *slots.get_or_insert_with(made) {
            return None;
        }
        let entry = files.vacant_entry();
        let slot = entry.key() as u16;
        submitter.register_files_update(slot.into(), &[fd]).ok()?;
        entry.insert(fd);
        Some(slot)
    }

    pub(crate) fn take_back_file(&mut self, slot: u16) {
        if self.forked() {
            return;
        }
        let files = &mut self.registered.files;
        match self.uring.submitter().register_files_update(slot.into(), &[FREE]) {
            Ok(_) => _ = files.remove(slot.into()),
            // The slot is not used again.
            Err(_) => files[usize::from(slot)] = FREE,
        }
    }

    /// # Safety
    ///
    /// See `Ring::register_memory`.
    pub(crate) unsafe fn register_memory(&mut self, start: *mut u8, length: usize) -> Option<u16> {
        self.check_process();
        self.retire();
        let submitter = self.uring.submitter();
        let Registered { regions, has_regions, .. } = &mut self.registered;
        let made = || submitter.register_buffers_sparse(REGIONS as u32).is_ok();
        if !*has_regions.get_or_insert_with(made) || regions.len() == REGIONS {
            return None;
        }
        let entry = regions.vacant_entry();
        let slot = entry.key() as u16;
        let memory = libc::iovec { iov_base: start.cast(), iov_len: length };
        // SAFETY: the caller keeps the memory for as long as the kernel has it.
        unsafe { submitter.register_buffers_update(slot.into(), &[memory], None) }.ok()?;
        entry.insert((start.addr(), start.addr() + length));
        Some(slot)
    }

    pub(crate) fn unregister_memory(&mut self, slot: u16) {
        if self.forked() {
            return;
        }
        let Registered { regions, retired, .. } = &mut self.registered;
        regions[usize::from(slot)] = EMPTY;
        retired.push(slot.into());
        self.retire();
    }

    /// Has the kernel let go of memory; unless there are entries that it could not take yet: they
    /// may name it.
    pub(super) fn retire(&mut self) {
        if self.registered.retired.is_empty() || self.unsubmitted() > 0 {
            return;
        }
        let submitter = self.uring.submitter();
        let Registered { regions, retired, .. } = &mut self.registered;
        let nothing = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }];
        for slot in retired.drain(..) {
            // SAFETY: there is no memory.
            let gone = unsafe { submitter.register_buffers_update(slot as u32, &nothing, None) };
            if gone.is_ok() {
                regions.remove(slot);
            }
        }
    }
}
