//! The ring is of no use any more: what the kernel may still write to is leaked, and said.
//!
//! A seccomp filter makes `io_uring_enter` fail from one moment on, for one thread.

use crate::support::{asleep, pair, poll_once, thread_id, turn, watched};
use nestling::buf::{IoBuf, IoBufMut};
use nestling::task::yield_now;
use nestling::time::sleep;
use nestling::{Core, Cores, Runtime, nursery, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// From now on `io_uring_enter` fails on this thread, with an error that no loop can mend.
fn break_the_ring() {
    break_with(libc::EOPNOTSUPP);
}

fn break_with(error: libc::c_int) {
    break_enters_of(0, error);
}

/// From now on it fails whenever it is to submit at least so many entries.
pub(crate) fn break_enters_of(entries: u32, error: libc::c_int) {
    /// The low half of the second argument, behind the number, the architecture and an address.
    const TO_SUBMIT: u32 = 24;
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let mut program = [
        step(LOAD, 0, 0, 0),
        step(JUMP_IF_EQUAL, libc::SYS_io_uring_enter as u32, 0, 3),
        step(LOAD, TO_SUBMIT, 0, 0),
        step(JUMP_IF_AT_LEAST, entries, 0, 1),
        step(RETURN, libc::SECCOMP_RET_ERRNO | error as u32, 0, 0),
        step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: no pointers; a filter may be set without privileges then.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0);
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: the kernel copies the program, which lives for the call.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const filter) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// A buffer that counts when it is freed.
struct Counted {
    memory: Vec<u8>,
    freed: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.freed.fetch_add(1, Ordering::SeqCst);
    }
}

// SAFETY: a vector's bytes, never resized.
unsafe impl IoBuf for Counted {
    fn io_ptr(&self) -> *const u8 {
        self.memory.as_ptr()
    }

    fn io_len(&self) -> usize {
        self.memory.len()
    }
}

// SAFETY: as above; the bytes are initialised.
unsafe impl IoBufMut for Counted {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.memory.as_mut_ptr()
    }

    unsafe fn set_init(&mut self, _: usize) {}
}

/// Runs a root future on a thread of its own, on which the ring breaks. It panics with the reason,
/// not with anything else; how many buffers were freed, and the counters, come back.
fn broken(root: impl AsyncFnOnce(Arc<AtomicUsize>) + Send + 'static) -> (usize, nestling::Stats) {
    let thread = thread::spawn(move || {
        let freed = Arc::new(AtomicUsize::new(0));
        let mut runtime = Runtime::builder().build().unwrap();
        for _ in 0..2 {
            runtime.block_on(nop()).unwrap();
        }
        let run = AssertUnwindSafe(|| runtime.block_on(root(Arc::clone(&freed))));
        let payload = catch_unwind(run).expect_err("the ring is broken");
        let text = payload.downcast_ref::<String>().expect("a text");
        assert!(text.contains("io_uring_enter"), "{text}");
        let stats = runtime.stats();
        // What comes later fails in the same way, and finds consistent state.
        let again = catch_unwind(AssertUnwindSafe(|| runtime.block_on(nop())));
        assert!(again.is_err());
        drop(runtime);
        (freed.load(Ordering::SeqCst), stats)
    });
    thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}

/// Receives in flight, whose futures are there when the ring breaks, and go after it.
#[test]
fn a5_broken_ring_leaks_what_is_in_flight() {
    watched(|| {
        let (freed, stats) = broken(async |freed| {
            let (stream, _peer) = pair();
            let buffer = || Counted { memory: vec![0; 64], freed: Arc::clone(&freed) };
            let mut reads: Vec<_> = (0..5).map(|_| Box::pin(stream.read(buffer()))).collect();
            for read in &mut reads {
                assert!(poll_once(read.as_mut()).await.is_pending());
            }
            turn().await;
            // Two are the driver's by now.
            reads.truncate(3);
            break_the_ring();
            loop {
                turn().await;
            }
        });
        assert_eq!(freed, 0, "the kernel may still write to them");
        assert!(stats.leaked >= 5, "{stats:?}");
    });
}

/// What had its answer is the future's alone, and is freed with it.
#[test]
fn a5_broken_ring_frees_what_was_answered() {
    watched(|| {
        let (freed, _) = broken(async |freed| {
            let (stream, peer) = pair();
            let buffer = Counted { memory: vec![0; 64], freed: Arc::clone(&freed) };
            let mut read = Box::pin(stream.read(buffer));
            assert!(poll_once(read.as_mut()).await.is_pending());
            turn().await;
            drop(peer);
            turn().await;
            let _never_polled = Box::pin(stream.read(Counted { memory: vec![], freed }));
            break_the_ring();
            loop {
                turn().await;
            }
        });
        assert_eq!(freed, 2);
    });
}

/// What the panic says with which a ring ends that answers so.
fn last_words(error: libc::c_int) -> String {
    let thread = thread::spawn(move || {
        nestling::block_on(async {
            break_with(error);
            turn().await;
        });
    });
    let payload = thread.join().expect_err("the ring is broken");
    payload.downcast_ref::<String>().expect("a text").clone()
}

/// A completion that the kernel has lost would be waited for in vain: the core stops instead.
#[test]
fn c2_lost_completion_ends_the_core_and_is_named() {
    let lost = "the kernel lost a completion, out of memory: state is unknown (io_uring_enter: ";
    watched(|| assert!(last_words(libc::EBADR).starts_with(lost)));
}

#[test]
fn c15_ring_of_another_thread_ends_the_core_and_is_named() {
    let other = "the ring is used by another thread than the one that made it (io_uring_enter: ";
    watched(|| assert!(last_words(libc::EEXIST).starts_with(other)));
}

/// The same below nurseries, deadlines and selects: every destructor finds consistent state.
#[test]
fn g6_broken_ring_is_told_once_from_below_nurseries() {
    watched(|| {
        let (freed, stats) = broken(async |freed| {
            let (stream, _peer) = pair();
            let buffer = || Counted { memory: vec![0; 64], freed: Arc::clone(&freed) };
            let result = nursery(async |outer| {
                for _ in 0..3 {
                    outer.spawn(async {
                        nursery(async |inner| {
                            for _ in 0..3 {
                                inner.spawn(async {
                                    let read = stream.read(buffer());
                                    timeout(Duration::MAX, read).await.unwrap().0.map(drop)
                                });
                            }
                            stream.read(buffer()).await.0
                        })
                        .await
                        .map(drop)
                    });
                }
                sleep(Duration::from_millis(1)).await;
                turn().await;
                break_the_ring();
                loop {
                    yield_now().await;
                }
            });
            result.await.map(|(): ()| ()).unwrap();
        });
        assert_eq!(freed, 0);
        assert!(stats.leaked >= 12, "{stats:?}");
    });
}

thread_local! {
    static KEPT: RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>> = const { RefCell::new(None) };
}

/// A future that outlives the broken runtime still owns what the kernel may write to.
#[test]
fn a5_broken_ring_leaks_what_is_dropped_later() {
    watched(|| {
        let (freed, _) = broken(async |freed| {
            let (stream, _peer) = pair();
            let buffer = Counted { memory: vec![0; 64], freed };
            let mut read: Pin<Box<dyn Future<Output = ()>>> =
                Box::pin(async move { drop(stream.read(buffer).await) });
            assert!(poll_once(read.as_mut()).await.is_pending());
            turn().await;
            KEPT.set(Some(read));
            break_the_ring();
            turn().await;
        });
        // The thread has ended, and its thread-locals with it.
        assert_eq!(freed, 0);
    });
}

/// A message that wakes another core stands in the queue of a ring that breaks: that core is woken
/// all the same, and hears that this one has failed.
#[test]
fn f1_broken_ring_does_not_keep_the_wake_of_another_core() {
    watched(|| {
        let (send, sent) = channel();
        let (send, sent) = (Mutex::new(send), Mutex::new(sent));
        let main = async move |core: Core| -> io::Result<()> {
            if core.index() == 1 {
                let send = send.lock().unwrap().clone();
                poll_fn(|cx| {
                    let _ = send.send((cx.waker().clone(), thread_id()));
                    Poll::<()>::Pending
                })
                .await;
            }
            let (waker, thread) = sent.lock().unwrap().recv().unwrap();
            while !asleep(thread) {
                thread::yield_now();
            }
            waker.wake();
            break_the_ring();
            pending().await
        };
        let run = || Runtime::builder().cores(Cores::Count(2)).no_spin().run(main);
        let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("the ring is broken");
        let text = payload.downcast_ref::<String>().expect("a text");
        assert!(text.contains("io_uring_enter"), "{text}");
    });
}
