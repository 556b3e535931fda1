//! Starting, nesting and ending runtimes, also where thread-locals end.

use crate::assert_balanced;
use crate::support::{pair, poll_once, sees_the_end, watched};
use nestling::Runtime;
use nestling::net::TcpStream;
use nestling::task::{spawn_blocking, yield_now};
use nestling::time::{Instant, sleep};
use nestling_runtime::lowlevel::nop;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

fn panic_text(result: thread::Result<impl Sized>) -> String {
    let payload = result.err().expect("it panics");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string)).unwrap()
}

/// A second `block_on` inside the first is refused in words; the first goes on.
#[test]
fn g5_nested_block_on_is_refused() {
    watched(|| {
        let mut outer = Runtime::builder().build().unwrap();
        let mut inner = Runtime::builder().build().unwrap();
        outer.block_on(async {
            for _ in 0..2 {
                let nested = catch_unwind(AssertUnwindSafe(|| inner.block_on(async {})));
                assert!(panic_text(nested).contains("inside a runtime"));
                let nested = catch_unwind(|| nestling::block_on(async {}));
                assert!(panic_text(nested).contains("inside a runtime"));
                nop().await.unwrap();
            }
        });
        inner.block_on(nop()).unwrap();
        assert_balanced(&outer);
        assert_balanced(&inner);
    });
}

/// A runtime may be built and dropped inside another's `block_on`.
#[test]
fn g5_runtime_comes_and_goes_inside_another() {
    watched(|| {
        let mut outer = Runtime::builder().build().unwrap();
        outer.block_on(async {
            nop().await.unwrap();
            drop(Runtime::builder().build().unwrap());
            nop().await.unwrap();
        });
        assert_balanced(&outer);
    });
}

#[test]
fn g5_block_on_again_after_a_panic() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        for round in 0..100 {
            let (stream, mut peer) = pair();
            let panic = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(async {
                    let mut read = Box::pin(stream.read(vec![0; 8]));
                    assert!(poll_once(read.as_mut()).await.is_pending());
                    if round % 2 == 0 {
                        yield_now().await;
                    }
                    panic!("round {round}");
                })
            }));
            assert_eq!(panic_text(panic), format!("round {round}"));
            runtime.block_on(stream.close()).unwrap();
            assert!(sees_the_end(&mut peer));
            assert_balanced(&runtime);
        }
    });
}

/// What belongs to a runtime says so outside of it.
#[test]
fn g5_operations_outside_a_runtime_are_refused_in_words() {
    let poll = |future: Pin<&mut dyn Future<Output = ()>>| {
        let mut cx = std::task::Context::from_waker(Waker::noop());
        future.poll(&mut cx).is_ready()
    };
    let nop = catch_unwind(|| poll(Box::pin(async { nop().await.unwrap() }).as_mut()));
    assert!(panic_text(nop).contains("needs a nestling runtime"));
    let asleep = catch_unwind(|| poll(Box::pin(sleep(Duration::from_secs(1))).as_mut()));
    assert!(panic_text(asleep).contains("needs a nestling runtime"));
}

/// A future that was polled in one runtime and is awaited in another ends there.
#[test]
fn g5_futures_move_to_another_runtime() {
    watched(|| {
        let (stream, _peer) = pair();
        let mut first = Runtime::builder().build().unwrap();
        let mut nap = Box::pin(sleep(Duration::from_millis(5)));
        let deadline = nap.deadline();
        let mut read = Box::pin(stream.read(vec![0; 8]));
        first.block_on(async {
            assert!(poll_once(nap.as_mut()).await.is_pending());
            assert!(poll_once(read.as_mut()).await.is_pending());
            yield_now().await;
        });
        assert_balanced(&first);
        let mut second = Runtime::builder().build().unwrap();
        second.block_on(async {
            assert!(nestling::is_cancelled(&read.await.0.unwrap_err()), "the first ended");
            nap.await;
            assert!(Instant::now() >= deadline);
        });
        assert_balanced(&second);
        // The first is none the worse.
        first.block_on(nop()).unwrap();
    });
}

/// The same in the same runtime, which had gone to sleep with no task to wake.
#[test]
fn g5_futures_move_to_another_block_on() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let mut nap = Box::pin(sleep(Duration::from_millis(5)));
        runtime.block_on(async { assert!(poll_once(nap.as_mut()).await.is_pending()) });
        runtime.block_on(nap);
        assert_balanced(&runtime);
    });
}

/// What a thread keeps until it ends.
#[derive(Default)]
struct Kept {
    runtime: Option<Runtime>,
    stream: Option<TcpStream>,
    waker: Option<Waker>,
    read: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

thread_local! {
    static FIRST: RefCell<Kept> = RefCell::default();
    static SECOND: RefCell<Kept> = RefCell::default();
}

/// Puts runtime and sockets into thread-locals, which end in the reverse order of their first use.
fn keep(runtime_first: bool) -> UnixStream {
    let (one, other) = if runtime_first { (&FIRST, &SECOND) } else { (&SECOND, &FIRST) };
    FIRST.with(|kept| drop(kept.borrow()));
    SECOND.with(|kept| drop(kept.borrow()));
    let mut runtime = Runtime::builder().entries(8).build().unwrap();
    let (stream, peer) = pair();
    let (reading, _silent) = pair();
    let mut read: Pin<Box<dyn Future<Output = ()>>> =
        Box::pin(async move { drop(reading.read(vec![0; 8]).await) });
    let waker = runtime.block_on(async {
        assert!(poll_once(read.as_mut()).await.is_pending());
        yield_now().await;
        poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
    });
    one.with_borrow_mut(|kept| kept.runtime = Some(runtime));
    other.with_borrow_mut(|kept| {
        kept.stream = Some(stream);
        kept.waker = Some(waker);
        kept.read = Some(read);
    });
    peer
}

#[test]
fn g4_runtime_and_sockets_in_thread_locals() {
    watched(|| {
        for runtime_first in [true, false] {
            for _ in 0..20 {
                let thread = thread::spawn(move || keep(runtime_first));
                let mut peer = thread.join().expect("the thread's end is no panic");
                assert!(sees_the_end(&mut peer));
            }
        }
    });
}

/// A thread-local that runs a runtime, and waits for it, in its destructor.
#[test]
fn g4_block_on_in_a_destructor_of_a_thread_local() {
    struct Last(std::sync::mpsc::Sender<u32>);
    impl Drop for Last {
        fn drop(&mut self) {
            let answer = nestling::block_on(async {
                nop().await.unwrap();
                sleep(Duration::from_millis(1)).await;
                let (stream, _peer) = pair();
                stream.close().await.unwrap();
                7
            });
            self.0.send(answer).unwrap();
        }
    }
    thread_local! {
        static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
    }
    watched(|| {
        let (send, receive) = std::sync::mpsc::channel();
        let thread = thread::spawn(|| {
            LAST.set(Some(Last(send)));
            nestling::block_on(nop()).unwrap();
        });
        thread.join().unwrap();
        assert_eq!(receive.recv().unwrap(), 7);
    });
}

/// The largest that can be asked for either work or are refused with a reason.
#[test]
fn options_of_a_runtime_do_not_wrap() {
    watched(|| {
        let builder = Runtime::builder()
            .entries(u32::MAX)
            .completions(u32::MAX)
            .blocking_threads(usize::MAX)
            .batch(Duration::MAX)
            .spin(Duration::MAX)
            .stall_threshold(Duration::MAX);
        let mut runtime = match builder.build() {
            Ok(runtime) => runtime,
            Err(error) => return assert!(error.to_string().contains("locked memory"), "{error}"),
        };
        let sum = runtime.block_on(spawn_blocking(|| 40 + 2));
        assert_eq!(sum.unwrap(), 42);
    });
}
