//! Memory that was registered with a ring and is gone, while an entry names it that the kernel
//! could not take yet.

use super::files::{CONTENT, Scratch};
use crate::config::Config;
use crate::fd::RawTarget;
use crate::key::Key;
use crate::ring::{Batch, EnterWait, Request, Ring, Submission};
use std::os::fd::AsRawFd;
use std::ptr;

const PAGE: usize = 4096;

/// A page of zeros, at this address or (null) at any.
fn map(at: *mut u8) -> *mut u8 {
    let fixed = if at.is_null() { 0 } else { libc::MAP_FIXED };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | fixed;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: at any address, or in place of a page that this test has mapped.
    let page = unsafe { libc::mmap(at.cast(), PAGE, access, flags, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    page.cast()
}

#[test]
fn a_region_is_not_taken_for_memory_that_is_there_later() {
    let scratch = Scratch::new("registered", PAGE);
    let file = scratch.open();
    let mut ring = Ring::new(&Config::default(), &[]).unwrap();
    let page = map(ptr::null_mut());
    let (on, length) = (RawTarget::Descriptor(file.as_raw_fd()), PAGE as u32);
    let request = Request::Read { on, start: page, length, offset: 0, on_worker: false };
    let queue = |ring: &mut Ring, slot| {
        let mut submission = Some(Submission { key: Key::op(slot, 1), request });
        // SAFETY: there is a page at that address until the test has seen the answer.
        unsafe { ring.push(|| submission.take()) };
    };
    // SAFETY: as above.
    let slot = unsafe { ring.register_memory(page, PAGE) }.expect("memory that may be locked");
    queue(&mut ring, 1);
    ring.unregister_memory(slot);
    // Another page, where the kernel still has the first one in its table.
    map(page);
    queue(&mut ring, 2);
    let mut answers = Vec::new();
    while answers.len() < 2 {
        ring.enter(EnterWait::Forever, Batch::FIRST).unwrap();
        ring.reap(&mut answers);
    }
    assert_eq!(answers.iter().map(|answer| answer.result).collect::<Vec<_>>(), [PAGE as i32; 2]);
    // SAFETY: the page is there, and nothing is in flight.
    let bytes = unsafe { std::slice::from_raw_parts(page, PAGE) };
    assert!(bytes.iter().all(|byte| *byte == CONTENT), "read into the page before");
    // SAFETY: as above, until the ring ends.
    assert_eq!(unsafe { ring.register_memory(page, PAGE) }, Some(slot), "it was let go of");
    drop(ring);
    // SAFETY: mapped by this test, and not used any more.
    assert_eq!(unsafe { libc::munmap(page.cast(), PAGE) }, 0);
}
