//! A read of a real file, which goes on while its future and its runtime end.
//!
//! Unlike a receive, a disk's read cannot be cancelled once it has started: the device writes into
//! the memory when it is ready, although something else may own that by then.

use crate::Runtime;
use crate::fd::RawTarget;
use crate::op::{Answer, Op, Operation};
use crate::ring::{Capability, Request};
use crate::yield_now;
use std::alloc::Layout;
use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::ptr::NonNull;
use std::rc::Rc;
use std::task::Poll;

const LENGTH: usize = 2 << 20;
pub(super) const CONTENT: u8 = 0x11;
const POISON: u8 = 0xA5;

/// Page-aligned memory that is never given back, so that late writes to it can be seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pages(pub(super) NonNull<u8>, pub(super) usize);

impl Pages {
    fn new() -> Self {
        let layout = Layout::from_size_align(LENGTH, 4096).expect("a layout");
        // SAFETY: the size is not zero.
        let memory = unsafe { std::alloc::alloc_zeroed(layout) };
        Self(NonNull::new(memory).expect("memory is left"), LENGTH)
    }

    fn fill(self, byte: u8) {
        // SAFETY: so many writable bytes are there, for ever.
        unsafe { self.0.write_bytes(byte, self.1) }
    }

    /// Whether all of it is this byte.
    fn is_full_of(self, byte: u8) -> bool {
        let words = self.0.cast::<u64>();
        (0..self.1 / 8).all(|at| {
            // SAFETY: within the memory, which is aligned to pages.
            let place = unsafe { words.add(at) };
            // SAFETY: initialised; volatile, because the kernel may write to it.
            unsafe { place.read_volatile() == u64::from_ne_bytes([byte; 8]) }
        })
    }
}

/// What was freed, in the order in which that happened.
pub(super) type Freed = Rc<RefCell<Vec<Pages>>>;

/// A buffer that poisons its memory when it is freed.
pub(super) struct Buffer {
    pub(super) pages: Pages,
    pub(super) poison: Option<u8>,
    pub(super) freed: Freed,
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(poison) = self.poison {
            self.pages.fill(poison);
        }
        self.freed.borrow_mut().push(self.pages);
    }
}

/// Reads the start of a file into a buffer.
pub(super) struct ReadFile {
    pub(super) file: Rc<File>,
    pub(super) buffer: Buffer,
    /// On a worker thread of the kernel's, instead of where it is submitted.
    pub(super) on_worker: bool,
}

// SAFETY: the pages live for ever; the file is counted, and kept until the operation is dropped.
unsafe impl Operation for ReadFile {
    const NAME: &'static str = "read";

    const NEEDS: &'static [Capability] = &[Capability::Read];

    type Output = (io::Result<u32>, Buffer);

    fn target(&self) -> Option<RawTarget> {
        Some(RawTarget::Descriptor(self.file.as_raw_fd()))
    }

    fn request(&mut self) -> Option<Request> {
        let (Pages(start, length), on_worker) = (self.buffer.pages, self.on_worker);
        let on = RawTarget::Descriptor(self.file.as_raw_fd());
        let (start, length) = (start.as_ptr(), length as u32);
        Some(Request::Read { on, start, length, offset: 0, on_worker })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        (answer.result, self.buffer)
    }
}

/// A file beside the test's own program, full of one byte, gone when this is dropped.
pub(super) struct Scratch {
    path: PathBuf,
    pub(super) length: usize,
}

impl Scratch {
    pub(super) fn new(name: &str, length: usize) -> Self {
        let program = std::env::current_exe().expect("a program");
        let path = program.with_file_name(format!("{name}-{}", std::process::id()));
        let mut file = File::create(&path).expect("a folder that may be written to");
        file.write_all(&vec![CONTENT; length]).expect("room");
        file.sync_all().expect("a disk");
        Self { path, length }
    }

    /// Opens it past the page cache; or tells that its file system cannot do that.
    fn open_direct(&self) -> Option<Rc<File>> {
        let direct = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(&self.path);
        direct.ok().map(Rc::new)
    }

    pub(super) fn open(&self) -> Rc<File> {
        Rc::new(File::open(&self.path).expect("it was made"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A read of the same file by a system call, which ends after those that the disk had before.
fn read_behind(file: &File, pages: Pages) {
    // SAFETY: these pages are used here alone.
    let bytes = unsafe { std::slice::from_raw_parts_mut(pages.0.as_ptr(), pages.1) };
    file.read_exact_at(bytes, 0).expect("the file can be read");
}

/// The disk still reads when future and runtime are dropped. Its memory is freed after that, never
/// before: not a byte changes once it is. A disk may be done by then; the server of a file system
/// that never is, is in `tests/fs/memory.rs`.
#[test]
fn a2_memory_is_freed_after_the_disk_is_done() {
    let scratch = Scratch::new("a2", LENGTH);
    let direct = scratch.open_direct();
    let on_worker = direct.is_none();
    if on_worker {
        eprintln!("a2: no O_DIRECT on this file system; reads on the kernel's workers instead");
    }
    let file = direct.unwrap_or_else(|| scratch.open());
    let behind = Pages::new();
    let freed = Freed::default();
    for round in 1..=30 {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        runtime.block_on(async {
            let buffer =
                Buffer { pages: Pages::new(), poison: Some(POISON), freed: Rc::clone(&freed) };
            let mut read = Op::new(ReadFile { file: Rc::clone(&file), buffer, on_worker });
            let polled = std::future::poll_fn(|cx| {
                Poll::Ready(std::pin::Pin::new(&mut read).poll(cx).is_pending())
            });
            assert!(polled.await);
            yield_now().await;
            // Dropped in every other round by itself, in the others at the runtime's end.
            if round % 2 == 0 {
                drop(read);
                yield_now().await;
            }
        });
        let stats = runtime.stats();
        drop(runtime);
        assert_eq!(freed.borrow().len(), round, "freed by now, and once");
        assert_eq!((stats.in_flight, stats.leaked), (0, 0), "{stats:?}");
        read_behind(&file, behind);
        let last = *freed.borrow().last().expect("asserted above");
        assert!(last.is_full_of(POISON), "written after it was freed, round {round}");
    }
    let all = freed.borrow().iter().all(|pages| pages.is_full_of(POISON));
    assert!(all, "written after it was freed, later");
}

/// A read of a file is answered like any other operation, if a future waits for the answer.
#[test]
fn a2_read_of_a_file_is_answered() {
    let scratch = Scratch::new("a2-answered", LENGTH);
    let file = scratch.open_direct().unwrap_or_else(|| scratch.open());
    let freed = Freed::default();
    let buffer = Buffer { pages: Pages::new(), poison: None, freed: Rc::clone(&freed) };
    let read = Op::new(ReadFile { file, buffer, on_worker: false });
    let (result, buffer) = crate::block_on(read);
    assert_eq!(result.unwrap() as usize, scratch.length);
    assert!(buffer.pages.is_full_of(CONTENT));
    assert!(freed.borrow().is_empty());
}
