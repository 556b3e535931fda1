//! The memory of direct reads and writes whose nursery is cancelled, or whose runtime ends: it is
//! freed after the disk is done, never before.
#![expect(unsafe_code, reason = "a buffer whose memory is watched after it was freed")]

use crate::dead::server::{Conduct, Dead};
use crate::folder::Folder;
use crate::{hostile, support};
use nestling::Runtime;
use nestling::buf::{IoBuf, IoBufMut};
use nestling::fs::File;
use nestling::io::nursery;
use std::alloc::Layout;
use std::cell::RefCell;
use std::future::Future;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::ptr::NonNull;
use std::rc::Rc;

const LENGTH: usize = 2 << 20;
/// What memory is filled with when it is freed.
pub(crate) const POISON: u8 = 0xA5;

/// Pages that are given back at the end only, so that late writes to them can be seen.
#[derive(Debug, Clone, Copy)]
struct Pages(NonNull<u8>);

impl Pages {
    fn layout() -> Layout {
        Layout::from_size_align(LENGTH, 4096).expect("a layout")
    }

    fn new() -> Self {
        // SAFETY: the size is not zero.
        let memory = unsafe { std::alloc::alloc_zeroed(Self::layout()) };
        Self(NonNull::new(memory).expect("memory is left"))
    }

    /// The test has seen enough.
    fn give_back(self) {
        // SAFETY: allocated with this layout, and given back once, at the end of the test.
        unsafe { std::alloc::dealloc(self.0.as_ptr(), Self::layout()) }
    }

    fn fill(self, byte: u8) {
        // SAFETY: so many writable bytes are there, until the test ends.
        unsafe { self.0.write_bytes(byte, LENGTH) }
    }

    fn is_full_of(self, byte: u8) -> bool {
        (0..LENGTH / 8).all(|at| {
            // SAFETY: within the memory, which is aligned to pages.
            let place = unsafe { self.0.cast::<u64>().add(at) };
            // SAFETY: initialised; volatile, because the kernel may write to it.
            unsafe { place.read_volatile() == u64::from_ne_bytes([byte; 8]) }
        })
    }
}

/// A buffer that poisons its memory when it is freed.
struct Watched {
    pages: Pages,
    freed: Freed,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.pages.fill(POISON);
        self.freed.borrow_mut().push(self.pages);
    }
}

// SAFETY: the pages stay where they are until the test ends, and are initialised.
unsafe impl IoBuf for Watched {
    fn io_ptr(&self) -> *const u8 {
        self.pages.0.as_ptr()
    }

    fn io_len(&self) -> usize {
        LENGTH
    }
}

// SAFETY: as above; while this lives, nothing else writes to them.
unsafe impl IoBufMut for Watched {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.pages.0.as_ptr()
    }

    unsafe fn set_init(&mut self, _: usize) {}
}

/// What was freed, in order.
type Freed = Rc<RefCell<Vec<Pages>>>;

/// One of three ends for something that is in flight on a file: dropped by itself, by the runtime's
/// end, or in a nursery that is cancelled. Before that, it `arrives` where it waits. Tells whether
/// the kernel was asked to end it.
fn end<F: Future>(
    round: usize,
    (file, freed): (std::fs::File, &Freed),
    begin: impl Fn(Rc<File>, Watched) -> F,
    arrives: impl AsyncFn(),
) -> bool {
    let mut runtime = Runtime::builder().entries(8).build().unwrap();
    runtime.block_on(async {
        let watched = Watched { pages: Pages::new(), freed: Rc::clone(freed) };
        let mut operation = Box::pin(begin(Rc::new(File::from_std(file)), watched));
        let way = round % 3;
        match way {
            0 | 1 => {
                assert!(support::poll_once(operation.as_mut()).await.is_pending());
                arrives().await;
                if way == 0 {
                    drop(operation);
                    support::turn().await;
                }
            }
            _ => nursery(async |n| {
                n.spawn(async {
                    operation.await;
                });
                arrives().await;
                n.cancel();
                Ok(())
            })
            .await
            .unwrap(),
        }
    });
    let asked = runtime.stats().cancel_requests > 0;
    support::assert_balanced(&runtime);
    drop(runtime);
    assert_eq!(freed.borrow().len(), round, "freed by now, and once");
    asked
}

/// Rounds on a disk, which may be done before it is to end something: whether it is caught is not
/// for a test to say.
fn on_a_disk<F: Future>(writes: bool, begin: impl Fn(Rc<File>, Watched) -> F) {
    let folder = Folder::new();
    let path = folder.join("file");
    std::fs::write(&path, vec![0x11; LENGTH]).unwrap();
    std::fs::File::open(&path).unwrap().sync_all().unwrap();
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(writes).custom_flags(libc::O_DIRECT);
    let Ok(file) = options.open(&path) else {
        return eprintln!("NOT RUN: this file system cannot go past the page cache");
    };
    let behind = Pages::new();
    let freed = Freed::default();
    for round in 1..=30 {
        end(round, (file.try_clone().unwrap(), &freed), &begin, support::turn);
        // A read of the same place, which ends after those that the disk had before.
        // SAFETY: these pages are used here alone.
        let bytes = unsafe { std::slice::from_raw_parts_mut(behind.0.as_ptr(), LENGTH) };
        file.read_exact_at(bytes, 0).unwrap();
        let last = *freed.borrow().last().unwrap();
        assert!(last.is_full_of(POISON), "written after it was freed, round {round}");
        // What was written is what the buffer had, not what became of it.
        assert!(!behind.is_full_of(POISON), "read after it was freed, round {round}");
        let torn = bytes.contains(&POISON);
        assert!(!torn, "a part was read after it was freed, round {round}");
    }
    assert!(freed.borrow().iter().all(|pages| pages.is_full_of(POISON)), "written later");
    freed.take().into_iter().chain([behind]).for_each(Pages::give_back);
}

/// Rounds on a server that does what it was asked only after it was to end that.
fn on_a_server<F: Future>(name: &str, begin: impl Fn(Rc<File>, Watched) -> F) {
    hostile::with_mounts(name, "true", |at| {
        support::watched(|| {
            let Some(server) = Dead::mount(at, Conduct::Late) else { return };
            let mut options = std::fs::OpenOptions::new();
            let file = options.read(true).write(true).open(server.path().join("file")).unwrap();
            let freed = Freed::default();
            for round in 1..=6 {
                let before = server.holds();
                let arrives = async || {
                    while server.holds() == before {
                        support::turn().await;
                    }
                };
                assert!(end(round, (file.try_clone().unwrap(), &freed), &begin, arrives));
                assert!(server.interrupts() > 0);
            }
            assert!(freed.borrow().iter().all(|pages| pages.is_full_of(POISON)), "written later");
            assert_eq!(server.poisoned(), 0, "read after it was freed");
            freed.take().into_iter().for_each(Pages::give_back);
        });
    });
}

/// Such reads are done in memory of their own.
#[test]
fn a2_the_memory_of_a_dropped_read_of_a_server_is_not_written_to() {
    let name = "memory::a2_the_memory_of_a_dropped_read_of_a_server_is_not_written_to";
    hostile::with_mounts(name, "true", |at| {
        crate::run(async || {
            let Some(server) = Dead::mount(at, Conduct::Late) else { return };
            let path = server.path().join("file");
            let (file, synced) = (std::fs::File::open(&path).unwrap(), path);
            let (pages, freed) = (Pages::new(), Freed::default());
            let file = File::from_std(file);
            let watched = Watched { pages, freed: Rc::clone(&freed) };
            let mut read = Box::pin(file.read_at(watched, 0));
            assert!(support::poll_once(read.as_mut()).await.is_pending());
            while server.holds() == 0 {
                support::turn().await;
            }
            drop(read);
            assert_eq!(freed.borrow().len(), 1, "the buffer is not waited for");
            // The sync has the server answer; the close comes after the read.
            std::fs::File::open(synced).unwrap().sync_all().unwrap();
            file.close().await.unwrap();
            assert!(pages.is_full_of(POISON), "written after it was freed");
            pages.give_back();
        });
    });
}

#[test]
fn a2_the_memory_of_a_write_that_ends_late_is_freed_after_it() {
    let name = "memory::a2_the_memory_of_a_write_that_ends_late_is_freed_after_it";
    on_a_server(name, async |file: Rc<File>, buffer| file.write_at(buffer, 0).await.0);
}

#[test]
fn a2_the_memory_of_a_direct_read_is_freed_after_it() {
    support::watched(|| {
        on_a_disk(false, async |file: Rc<File>, buffer| file.read_at(buffer, 0).await.0)
    });
}

#[test]
fn a2_the_memory_of_a_direct_write_is_freed_after_it() {
    support::watched(|| {
        on_a_disk(true, async |file: Rc<File>, buffer| file.write_at(buffer, 0).await.0)
    });
}
