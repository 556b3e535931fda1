//! A process that forks, or starts another program, while a runtime runs.
//!
//! Each child ends with `_exit`, and tells by its code what it has seen.
#![expect(unsafe_code, reason = "fork, and memory at an address that the test chooses")]

use crate::alone::alone;
use crate::support::{pair, poll_once, thread_id, turn};
use nestling::Runtime;
use nestling::task::spawn_blocking;
use nestling_runtime::lowlevel::nop;
use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::process::Command;

/// Which side of a fork this is.
enum Side {
    Parent(Child),
    Child,
}

/// A child process; it ends by itself, or is ended by an alarm.
struct Child(libc::pid_t);

fn fork() -> Side {
    // SAFETY: the child is a copy of this thread; other threads wait for a lock or a channel, and
    // the C library keeps its own locks in order.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: no pointers. A child that hangs is killed.
            unsafe { libc::alarm(60) };
            Side::Child
        }
        -1 => panic!("no fork: {}", std::io::Error::last_os_error()),
        child => Side::Parent(Child(child)),
    }
}

impl Child {
    /// Waits for its end: its exit code, or minus the signal that killed it.
    fn wait(self) -> i32 {
        let mut status = 0;
        // SAFETY: the status is written before the call returns.
        let waited = unsafe { libc::waitpid(self.0, &mut status, 0) };
        assert_eq!(waited, self.0);
        match libc::WIFEXITED(status) {
            true => libc::WEXITSTATUS(status),
            false => -libc::WTERMSIG(status),
        }
    }
}

/// Ends the child, without running anything of the test's.
fn exit(good: bool) -> ! {
    // SAFETY: ends the process; nothing follows.
    unsafe { libc::_exit(if good { 0 } else { 1 }) }
}

/// Runs a child's part: whether it panicked with the words for a forked process.
fn is_refused(part: impl FnOnce()) -> bool {
    std::panic::set_hook(Box::new(|_| {}));
    catch_unwind(AssertUnwindSafe(part)).is_err_and(|payload| is_refusal(&*payload))
}

/// The child goes on where the parent was, inside `block_on`: it panics in words. The parent's
/// receive is unharmed.
#[test]
fn g9_child_inside_block_on_is_refused() {
    alone("fork::g9_child_inside_block_on_is_refused", || {
        let mut runtime = Runtime::builder().build().unwrap();
        let (stream, mut peer) = pair();
        refused_in_child(|| {
            runtime.block_on(async {
                let mut read = pin!(stream.read(vec![0; 8]));
                assert!(poll_once(read.as_mut()).await.is_pending());
                turn().await;
                let side = fork();
                if let Side::Child = side {
                    turn().await;
                    exit(false);
                }
                let Side::Parent(forked) = side else { unreachable!("the child has left") };
                assert_eq!(forked.wait(), 0, "the child was refused, in words");
                peer.write_all(b"unharmed").unwrap();
                assert_eq!(read.await.0.unwrap(), 8);
            });
        });
        let stats = runtime.stats();
        assert_eq!((stats.submitted, stats.in_flight, stats.stale), (stats.completed, 0, 0));
        runtime.block_on(nop()).unwrap();
    });
}

/// Runs what forks inside; in the child, the panic that comes out decides its exit code.
fn refused_in_child(part: impl FnOnce()) {
    let parent = std::process::id();
    let is_child = || std::process::id() != parent;
    let result = catch_unwind(AssertUnwindSafe(part));
    if is_child() {
        exit(result.is_err_and(|payload| is_refusal(&*payload)));
    }
    result.unwrap_or_else(|payload| std::panic::resume_unwind(payload));
}

fn is_refusal(payload: &(dyn std::any::Any + Send)) -> bool {
    let text = payload.downcast_ref::<String>().cloned();
    let text = text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string));
    text.is_some_and(|text| text.contains("forked"))
}

/// The child uses a runtime that rests: it is refused, and the parent's goes on.
#[test]
fn g9_child_with_a_resting_runtime_is_refused() {
    alone("fork::g9_child_with_a_resting_runtime_is_refused", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(nop()).unwrap();
        match fork() {
            Side::Child => {
                let refused = is_refused(|| runtime.block_on(async { nop().await.unwrap() }));
                let again = is_refused(|| runtime.block_on(async { nop().await.unwrap() }));
                drop(runtime);
                exit(refused && again);
            }
            Side::Parent(child) => assert_eq!(child.wait(), 0),
        }
        runtime.block_on(nop()).unwrap();
        assert_eq!(runtime.stats().submitted, 2);
    });
}

/// A child may make a runtime of its own, before or after it let go of the parent's.
#[test]
fn g9_child_has_a_runtime_of_its_own() {
    alone("fork::g9_child_has_a_runtime_of_its_own", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(nop()).unwrap();
        for drop_first in [true, false] {
            match fork() {
                Side::Child => {
                    let mut parents = Some(runtime);
                    if drop_first {
                        parents.take();
                    }
                    let worked = catch_unwind(|| {
                        let mut own = Runtime::builder().build().unwrap();
                        (0..100).for_each(|_| own.block_on(nop()).unwrap());
                    });
                    drop(parents);
                    exit(worked.is_ok());
                }
                Side::Parent(child) => assert_eq!(child.wait(), 0),
            }
            runtime.block_on(nop()).unwrap();
        }
    });
}

/// Where the rings of this process are mapped.
fn ring_mappings() -> Vec<(usize, usize)> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let rings = maps.lines().filter(|line| line.contains("[io_uring]"));
    let range = |line: &str| {
        let (start, end) = line.split_whitespace().next()?.split_once('-')?;
        let parse = |hex| usize::from_str_radix(hex, 16).ok();
        Some((parse(start)?, parse(end)?))
    };
    rings.filter_map(range).collect()
}

/// Maps fresh memory at an address at which nothing is mapped.
fn map_at(start: usize, length: usize) -> *mut u8 {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: the kernel refuses an address at which something is mapped.
    let memory = unsafe { libc::mmap(start as *mut _, length, protection, flags, -1, 0) };
    assert_eq!(memory as usize, start, "{}", std::io::Error::last_os_error());
    memory.cast()
}

/// In the child the ring's mappings are gone, and their addresses free: what the child's own
/// allocations put there is not unmapped when it lets go of the parent's runtime.
#[test]
fn g9_childs_memory_survives_the_drop_of_the_parents_runtime() {
    alone("fork::g9_childs_memory_survives_the_drop_of_the_parents_runtime", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(nop()).unwrap();
        let mappings = ring_mappings();
        assert!(!mappings.is_empty(), "the ring is mapped");
        match fork() {
            Side::Child => {
                let mapped =
                    |&(start, end): &(usize, usize)| (map_at(start, end - start), end - start);
                let memory: Vec<_> = mappings.iter().map(mapped).collect();
                for &(start, length) in &memory {
                    // SAFETY: this process mapped so many writable bytes there.
                    unsafe { start.write_bytes(0x5A, length) };
                }
                drop(runtime);
                let intact = memory.iter().all(|&(start, length)| {
                    let last = start.wrapping_add(length - 1);
                    // SAFETY: as above; if it was unmapped after all, the process is killed.
                    unsafe { last.read_volatile() == 0x5A }
                });
                exit(intact);
            }
            Side::Parent(child) => assert_eq!(child.wait(), 0, "minus the signal that killed it"),
        }
        runtime.block_on(nop()).unwrap();
    });
}

/// A child has none of the threads for blocking calls: it is refused a call, and waits for none of
/// them when it lets go of the runtime.
#[test]
fn g9_child_has_no_threads_for_blocking_calls() {
    alone("fork::g9_child_has_no_threads_for_blocking_calls", || {
        let mut runtime = Runtime::builder().build().unwrap();
        let call = || spawn_blocking(thread_id);
        let there = runtime.block_on(call()).unwrap();
        refused_in_child(|| {
            runtime.block_on(async {
                match fork() {
                    Side::Child => drop(call().await),
                    Side::Parent(child) => assert_eq!(child.wait(), 0),
                }
            });
        });
        match fork() {
            Side::Child => {
                drop(runtime);
                let mut own = Runtime::builder().build().unwrap();
                exit(own.block_on(call()).is_ok_and(|id| id != there));
            }
            Side::Parent(child) => assert_eq!(child.wait(), 0),
        }
        assert_eq!(runtime.block_on(call()).unwrap(), there);
    });
}

/// A program that is started while a runtime runs inherits none of its descriptors.
#[test]
fn b11_programs_inherit_no_descriptor() {
    alone("fork::b11_programs_inherit_no_descriptor", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let listener = nestling::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let client = nestling::net::TcpStream::connect(address).await.unwrap();
            let (server, _) = listener.accept().await.unwrap();
            let mut read = pin!(server.read(vec![0; 8]));
            assert!(poll_once(read.as_mut()).await.is_pending());
            turn().await;
            let listing = Command::new("ls").args(["-l", "/proc/self/fd"]).output().unwrap();
            let listing = String::from_utf8(listing.stdout).unwrap();
            assert!(!listing.contains("io_uring") && !listing.contains("eventfd"), "{listing}");
            assert!(!listing.contains("socket:"), "{listing}");
            client.write_all("unharmed").await.0.unwrap();
            assert_eq!(read.await.0.unwrap(), 8);
        });
        let stats = runtime.stats();
        assert_eq!((stats.submitted, stats.in_flight, stats.stale), (stats.completed, 0, 0));
    });
}

/// A receive was dropped just before the fork, and only the parent's ring can end it: a read in the
/// child does not wait for that.
#[test]
fn r17_child_does_not_wait_for_a_read_of_the_parent() {
    alone("fork::r17_child_does_not_wait_for_a_read_of_the_parent", || {
        let mut runtime = Runtime::builder().build().unwrap();
        let (stream, mut peer) = pair();
        let parent = std::process::id();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let mut read = Box::pin(stream.read(vec![0; 8]));
                assert!(poll_once(read.as_mut()).await.is_pending());
                turn().await;
                drop(read);
                match fork() {
                    Side::Child => turn().await,
                    Side::Parent(child) => assert_eq!(child.wait(), 0),
                }
            });
        }));
        if std::process::id() != parent {
            let received = catch_unwind(AssertUnwindSafe(|| {
                peer.write_all(b"for the child").unwrap();
                let mut own = Runtime::builder().build().unwrap();
                own.block_on(stream.read(vec![0; 64])).0.unwrap()
            }));
            exit(received.is_ok_and(|length| length == 13));
        }
        ended.unwrap();
    });
}
