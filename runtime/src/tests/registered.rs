//! What is registered with a ring: memory that is gone while an entry names it that the kernel
//! could not take yet; and files.

use super::files::{CONTENT, Scratch};
use crate::config::Config;
use crate::fd::RawTarget;
use crate::key::Key;
use crate::ring::{Batch, EnterWait, Request, Ring, Submission};
use std::fs::File;
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

/// Whether a ring of this process has memory at that address in its table.
fn is_kept(page: *mut u8) -> bool {
    let region = format!(": {page:?}/{PAGE}\n");
    std::fs::read_dir("/proc/self/fdinfo").unwrap().any(|entry| {
        // Other tests close theirs.
        std::fs::read_to_string(entry.unwrap().path()).is_ok_and(|info| info.contains(&region))
    })
}

/// The descriptor stands for another file meanwhile, so that the two can be told apart.
#[test]
fn reads_and_writes_of_several_buffers_use_the_slot() {
    let scratch = Scratch::new("registered-each", 2);
    let file = scratch.open();
    let mut ring = Ring::new(&Config::default(), &[]).unwrap();
    let fd = file.as_raw_fd();
    let Some(slot) = ring.register_file(fd) else {
        return eprintln!("NOT RUN: no files are registered before Linux 6.15");
    };
    let null = File::options().read(true).write(true).open("/dev/null").unwrap();
    // SAFETY: no pointers; this test alone uses the descriptor.
    assert_eq!(unsafe { libc::dup2(null.as_raw_fd(), fd) }, fd);
    let on = RawTarget::Registered { fd, slot };
    let mut bytes = [0; 2];
    let part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let (parts, count, offset, on_worker) = (&raw const part, 1, 0, false);
    let mut answers = Vec::new();
    for request in [
        Request::ReadEach { on, parts, count, offset, on_worker },
        Request::WriteEach { on, parts, count, offset, on_worker },
    ] {
        let mut submission = Some(Submission { key: Key::op(1, 1), request });
        // SAFETY: the part and its bytes are there until the test has seen the answer.
        unsafe { ring.push(|| submission.take()) };
        let before = answers.len();
        while answers.len() == before {
            ring.enter(EnterWait::Forever, Batch::FIRST).unwrap();
            ring.reap(&mut answers);
        }
    }
    let results = answers.iter().map(|answer| answer.result).collect::<Vec<_>>();
    assert_eq!((&results[..], bytes), (&[2, -libc::EBADF][..], [CONTENT; 2]), "of no slot");
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
    assert!(is_kept(page), "an entry names it");
    // Another page, where the kernel still has the first one in its table.
    map(page);
    queue(&mut ring, 2);
    let mut answers = Vec::new();
    while answers.len() < 2 {
        ring.enter(EnterWait::Forever, Batch::FIRST).unwrap();
        ring.reap(&mut answers);
    }
    assert_eq!(answers.iter().map(|answer| answer.result).collect::<Vec<_>>(), [PAGE as i32; 2]);
    assert!(!is_kept(page), "taken out once the entry was with the kernel");
    // SAFETY: the page is there, and nothing is in flight.
    let bytes = unsafe { std::slice::from_raw_parts(page, PAGE) };
    assert!(bytes.iter().all(|byte| *byte == CONTENT), "read into the page before");
    // SAFETY: as above, until the ring ends.
    assert_eq!(unsafe { ring.register_memory(page, PAGE) }, Some(slot), "it was let go of");
    drop(ring);
    // SAFETY: mapped by this test, and not used any more.
    assert_eq!(unsafe { libc::munmap(page.cast(), PAGE) }, 0);
}
