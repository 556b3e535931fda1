//! An operation that the kernel cannot cancel, frozen in the middle of its copy.
//!
//! `userfaultfd(2)` stops a thread that touches a page, here a worker of the kernel's that copies
//! a file into a buffer, until the test fills the page.

use super::files::{Buffer, Freed, Pages, ReadFile, Scratch};
use crate::inspect::{Event, Reason, Tree, Wait, dump_tree, instrument};
use crate::lowlevel::{CancelScope, nop};
use crate::op::Op;
use crate::{Runtime, yield_now};
use std::cell::RefCell;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd};
use std::pin::{Pin, pin};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::Poll;
use std::thread;
use std::time::Duration;

const LENGTH: usize = 4 * 4096;

const API: libc::c_ulong = 0xC018_AA3F;
const REGISTER: libc::c_ulong = 0xC020_AA00;
const ZEROPAGE: libc::c_ulong = 0xC020_AA04;
const MISSING: u64 = 1;

/// `struct uffdio_api`, and the others' common front: three or four words.
type Words<const N: usize> = [u64; N];

/// Memory whose pages are missing until the test fills them.
struct Trap {
    faults: File,
    pages: Pages,
}

impl Trap {
    fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let fd = unsafe { libc::syscall(libc::SYS_userfaultfd, libc::O_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made it.
        let faults = unsafe { File::from_raw_fd(fd as i32) };
        control(&faults, API, &mut [0xAA, 0, 0])?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: fresh memory, anywhere.
        let memory = unsafe { libc::mmap(std::ptr::null_mut(), LENGTH, protection, flags, -1, 0) };
        assert_ne!(memory, libc::MAP_FAILED);
        let start = NonNull::new(memory.cast()).expect("not at zero");
        let mut range = [start.as_ptr() as u64, LENGTH as u64, MISSING, 0];
        control(&faults, REGISTER, &mut range)?;
        Ok(Self { faults, pages: Pages(start, LENGTH) })
    }
}

/// How far the test has come.
#[derive(Default)]
struct Flags {
    /// The worker has run into the trap.
    frozen: AtomicBool,
    /// The root future has nothing left to do.
    ended: AtomicBool,
    /// `block_on` has returned.
    returned: AtomicBool,
    /// The worker goes on.
    released: AtomicBool,
}

impl Flags {
    /// Lets the worker go when the core has gone to sleep in its drain, or has left it.
    fn release_late(&self, core: i32, mut faults: &File, start: u64) {
        faults.read_exact(&mut [0; 32]).expect("a fault is told");
        self.frozen.store(true, Ordering::SeqCst);
        let draining = || self.ended.load(Ordering::SeqCst) && asleep(core);
        while !self.returned.load(Ordering::SeqCst) && !draining() {
            thread::yield_now();
        }
        self.released.store(true, Ordering::SeqCst);
        release(faults, start);
    }
}

/// Fills the pages, and lets the thread go that waits for them.
fn release(faults: &File, start: u64) {
    let mut range = [start, LENGTH as u64, 0, 0];
    control(faults, ZEROPAGE, &mut range).expect("the pages are missing");
}

fn control<const N: usize>(fd: &File, info: libc::c_ulong, words: &mut Words<N>) -> io::Result<()> {
    // SAFETY: each of the three structures has the size of the words that are passed for it.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), info as _, words.as_mut_ptr()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The kernel's number of this thread.
fn thread_id() -> i32 {
    // SAFETY: no pointers.
    unsafe { libc::gettid() }
}

fn asleep(thread: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
    stat.is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" S")))
}

/// A frozen read is dropped, and its runtime ends: `block_on` waits for as long as it takes, and
/// the buffer is freed after that.
#[test]
fn e6_block_on_waits_for_what_cannot_be_cancelled() {
    let Trap { faults, pages } = match Trap::new() {
        Ok(trap) => trap,
        Err(error) => return eprintln!("e6: nothing was shown, no userfaultfd here: {error}"),
    };
    let scratch = Scratch::new("e6", LENGTH);
    let freed = Freed::default();
    let buffer = Buffer { pages, poison: None, freed: Rc::clone(&freed) };
    let read = ReadFile { file: scratch.open(), buffer, on_worker: true };
    let flags = Arc::new(Flags::default());
    let releasing = thread::spawn({
        let (flags, core, start) = (Arc::clone(&flags), thread_id(), pages.0.as_ptr() as u64);
        move || flags.release_late(core, &faults, start)
    });
    let mut runtime = Runtime::builder().entries(8).build().unwrap();
    runtime.block_on(async {
        let mut read = Op::new(read);
        let pending = poll_fn(|cx| Poll::Ready(Pin::new(&mut read).poll(cx).is_pending()));
        assert!(pending.await);
        while !flags.frozen.load(Ordering::SeqCst) {
            yield_now().await;
        }
        drop(read);
        yield_now().await;
        assert!(freed.borrow().is_empty(), "it is the kernel's");
        flags.ended.store(true, Ordering::SeqCst);
    });
    let waited = flags.released.load(Ordering::SeqCst);
    flags.returned.store(true, Ordering::SeqCst);
    releasing.join().unwrap();
    assert!(waited, "block_on returned with a read in flight");
    assert_eq!(freed.borrow().len(), 1);
    let stats = runtime.stats();
    assert_eq!((stats.submitted, stats.completed, stats.leaked), (1, 1, 0), "{stats:?}");
}

/// The kernel does not let go of a frozen read. The tree names it; the instrument is told that it
/// is slow, for which the core wakes from its sleep, and then what has become of it.
#[test]
fn trap12_what_the_kernel_does_not_let_go_is_named() {
    let (done, ended) = channel::<()>();
    let test = thread::spawn(move || {
        let _done = done;
        freeze_and_look();
    });
    let hangs = ended.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout);
    assert!(!hangs, "the core was not woken to tell");
    test.join().unwrap();
}

fn freeze_and_look() {
    let Trap { faults, pages } = match Trap::new() {
        Ok(trap) => trap,
        Err(error) => return eprintln!("trap12: nothing was shown, no userfaultfd here: {error}"),
    };
    let scratch = Scratch::new("trap12", LENGTH);
    let buffer = Buffer { pages, poison: None, freed: Freed::default() };
    let file = scratch.open();
    let fd = file.as_raw_fd();
    let faults = Rc::new(faults);
    let events = Rc::new(RefCell::new(Vec::new()));
    let guard = instrument({
        let (events, faults, start) = (Rc::clone(&events), Rc::clone(&faults), pages.0);
        move |event| {
            if let Event::Slow { .. } = event {
                release(&faults, start.as_ptr() as u64);
            }
            events.borrow_mut().push(*event);
        }
    });
    let (asleep, cancelled) = crate::block_on(async {
        let mut read = pin!(Some(Op::new(ReadFile { file, buffer, on_worker: true })));
        let scope = CancelScope::new();
        assert!(poll_fn(|cx| Poll::Ready(scope.poll(read.as_mut(), cx).is_pending())).await);
        nop().await.unwrap();
        // Its worker has run into the trap.
        (&*faults).read_exact(&mut [0; 32]).expect("a fault is told");
        let asleep = dump_tree();
        scope.cancel(Reason::Asked);
        let cancelled = dump_tree();
        let result = poll_fn(|cx| scope.poll(read.as_mut(), cx)).await;
        result.expect("it is kept until it is answered").0.expect("the read had won");
        (asleep, cancelled)
    });
    drop(guard);
    let waits = |tree: &Tree| tree.nodes()[0].waits().to_vec();
    for (tree, is_asked) in [(asleep, false), (cancelled, true)] {
        let [Wait::Operation { name, descriptor, cancel_asked, .. }] = waits(&tree)[..] else {
            panic!("{tree}");
        };
        assert_eq!((name, descriptor, cancel_asked.is_some()), ("read", Some(fd), is_asked));
    }
    let told: Vec<_> = events.take().iter().filter_map(story).collect();
    assert_eq!(told, ["asked", "slow", "real result"]);
}

/// What happened to the read.
fn story(event: &Event) -> Option<&'static str> {
    let (operation, text) = match event {
        Event::CancelAsked { operation } => (operation, "asked"),
        Event::Slow { operation, since } if since.as_secs() >= 1 => (operation, "slow"),
        Event::Acknowledged { operation, interrupted: true, .. } => (operation, "interrupted"),
        Event::Acknowledged { operation, .. } => (operation, "real result"),
        Event::Discarded { operation, .. } => (operation, "discarded"),
        _ => return None,
    };
    Some(if operation.name == "read" { text } else { "another operation" })
}
