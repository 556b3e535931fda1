//! What is left of a runtime whose ring broke once, although the kernel would take it again.

use crate::fatal::break_enters_of;
use crate::support::{pair, poll_once, turn, watched};
use nestling::time::sleep;
use nestling::{Canceller, Runtime, is_cancelled, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

/// An enter that submits so many entries finds no memory, any other goes well.
const TOO_MANY: u32 = 20;

/// Runs a test on a thread of its own, whose rings break at such an enter.
fn on_a_thread(test: impl FnOnce() + Send + 'static) {
    watched(|| {
        let thread = thread::spawn(move || {
            break_enters_of(TOO_MANY, libc::ENOMEM);
            test();
        });
        thread.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload));
    });
}

async fn break_it() {
    let mut nops: Vec<_> = (0..TOO_MANY).map(|_| Box::pin(nop())).collect();
    for nop in &mut nops {
        assert!(poll_once(nop.as_mut()).await.is_pending());
    }
    for nop in nops {
        let _ = nop.await;
    }
}

/// What a panic says.
fn panic_of<T>(run: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).err().expect("the ring is broken");
    payload.downcast_ref::<String>().expect("a text").clone()
}

/// Something of a broken runtime that lives on.
type Kept = Rc<RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>>;

/// A runtime that broke with a read in flight below a nursery, and timers armed. The nursery's
/// future is kept.
fn broken() -> (Runtime, Kept, Canceller) {
    let mut runtime = Runtime::builder().build().unwrap();
    let (kept, canceller) = (Kept::default(), Rc::new(RefCell::new(None)));
    let text = panic_of(|| {
        runtime.block_on(async {
            let stop = Rc::clone(&canceller);
            let mut future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async move {
                let (stream, _silent) = pair();
                let result = nursery(async |n| {
                    stop.replace(Some(n.canceller()));
                    n.spawn(async { stream.read(vec![0; 8]).await.0.map(drop) });
                    n.spawn(sleep(Duration::MAX));
                    pending::<io::Result<()>>().await
                });
                drop(result.await);
            });
            assert!(poll_once(future.as_mut()).await.is_pending());
            turn().await;
            kept.replace(Some(future));
            break_it().await;
        })
    });
    assert!(text.contains("io_uring_enter: Cannot allocate memory"), "{text}");
    let canceller = canceller.take().expect("the nursery was polled");
    (runtime, kept, canceller)
}

#[test]
fn a5_broken_runtime_refuses_with_the_first_reason() {
    on_a_thread(|| {
        let (mut runtime, kept, _) = broken();
        let stats = runtime.stats();
        assert!(stats.leaked > 0, "{stats:?}");
        for _ in 0..2 {
            let polled = Cell::new(false);
            let text = panic_of(|| runtime.block_on(async { polled.set(true) }));
            assert!(text.contains("io_uring_enter: Cannot allocate memory"), "{text}");
            assert!(text.contains("block_on"), "{text}");
            assert!(!polled.get());
        }
        assert_eq!(runtime.stats(), stats, "nothing was begun");
        drop(runtime);
        drop(kept);
        // The thread is none the worse for it.
        nestling::block_on(async { turn().await });
    });
}

/// No task hears it; nothing is queued for ever, and no core is rung up.
#[test]
fn a5_broken_runtime_takes_wakes_and_cancels_from_everywhere() {
    on_a_thread(|| {
        let (mut runtime, kept, canceller) = broken();
        let waker: Rc<RefCell<Option<Waker>>> = Rc::default();
        let second = panic_of(|| {
            runtime.block_on(poll_fn(|cx| {
                waker.replace(Some(cx.waker().clone()));
                Poll::<()>::Pending
            }))
        });
        assert!(second.contains("block_on") && waker.take().is_none(), "it was not polled");
        let remote = canceller.remote();
        let elsewhere = remote.clone();
        thread::spawn(move || elsewhere.cancel()).join().unwrap();
        remote.cancel();
        assert!(!canceller.is_cancelled(), "there is no core that could hear it");
        canceller.cancel();
        assert!(canceller.is_cancelled());
        drop(runtime);
        remote.cancel();
        drop(kept);
    });
}

/// What it has in flight is not looked for in the table of another one.
#[test]
fn a5_broken_runtime_has_nothing_in_the_next_one() {
    on_a_thread(|| {
        for cancels in [true, false] {
            let (runtime, kept, canceller) = broken();
            nestling::block_on(async {
                let (stream, mut peer) = pair();
                let mut reads: Vec<_> =
                    (0..10).map(|_| Box::pin(stream.read(vec![0; 1]))).collect();
                for read in &mut reads {
                    assert!(poll_once(read.as_mut()).await.is_pending());
                }
                turn().await;
                if cancels {
                    canceller.cancel();
                }
                // Its scopes close here.
                drop(kept.take());
                for _ in 0..5 {
                    turn().await;
                }
                peer.write_all(&[1; 10]).unwrap();
                for read in reads {
                    let (result, _) = read.await;
                    assert!(!result.as_ref().is_err_and(is_cancelled), "it was mistaken");
                    assert_eq!(result.unwrap(), 1);
                }
            });
            drop(runtime);
        }
    });
}
