//! What a cancellation does to a call: one that has not begun never runs, one that runs is waited
//! for.

use crate::support::{asleep, poll_once, thread_id, turn, turns, watched};
use crate::{gate, run, threads};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use nestling::net::lookup_host;
use nestling::task::spawn_blocking;
use nestling::time::sleep;
use nestling::{JoinError, Runtime, is_cancelled, nursery, nursery_all, shield, timeout};
use std::cell::Cell;
use std::io::{self, Error, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Says when it is dropped.
struct Sets(Arc<AtomicBool>);

impl Drop for Sets {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn flag() -> (Arc<AtomicBool>, Sets) {
    let flag = Arc::default();
    (Arc::clone(&flag), Sets(flag))
}

/// A channel by which a call tells a task that it runs.
fn tells() -> (async_channel::Sender<()>, async_channel::Receiver<()>) {
    async_channel::bounded(1)
}

/// Turns of the loop after which what should not happen would have.
const A_WHILE: usize = 100;

#[test]
fn r01_a_nursery_waits_for_a_running_call_after_a_failure() {
    run(Runtime::builder(), async || {
        let (open, closed) = gate();
        let (running, runs) = tells();
        let (ended, sets) = flag();
        let (failed, returned) = (Cell::new(false), Cell::new(false));
        let value = Cell::new(None);
        let inner = async {
            let result = nursery(async |n| {
                n.spawn(async {
                    let call = move || {
                        running.send_blocking(()).unwrap();
                        closed.recv().unwrap();
                        drop(sets);
                        7
                    };
                    // Delivered, although it was cancelled meanwhile.
                    value.set(Some(spawn_blocking(call).await.unwrap()));
                    Ok::<_, Error>(())
                });
                runs.recv().await.unwrap();
                failed.set(true);
                Err::<(), _>(Error::other("elsewhere"))
            });
            let error = result.await.unwrap_err();
            assert!(ended.load(Ordering::SeqCst), "the nursery has waited");
            returned.set(true);
            assert_eq!(error.to_string(), "elsewhere");
            Ok::<_, Error>(())
        };
        nursery(async |n| {
            n.spawn(inner);
            while !failed.get() {
                turn().await;
            }
            turns(A_WHILE).await;
            assert!(!returned.get());
            open.send(()).unwrap();
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
        assert!(returned.get());
        assert_eq!(value.get(), Some(7));
    });
}

#[test]
fn r03_calls_that_have_not_begun_never_run() {
    run(threads(1), async || {
        let (open, closed) = gate();
        let (running, runs) = tells();
        let (first, sets) = flag();
        let (queued, sets_queued) = flag();
        let (in_line, sets_in_line) = flag();
        let heard = Cell::new(false);
        let result = nursery_all(async |n| {
            n.spawn(async move {
                let call = move || {
                    running.send_blocking(()).unwrap();
                    closed.recv().unwrap();
                    drop(sets);
                };
                spawn_blocking(call).await.map_err(Error::from)
            });
            n.spawn(async {
                let sets = sets_queued;
                let call = move || {
                    let _sets = &sets;
                    panic!("it runs");
                };
                let ended = spawn_blocking(call).await;
                assert!(matches!(ended, Err(JoinError::Cancelled)), "{ended:?}");
                assert!(queued.load(Ordering::SeqCst), "what it captured is gone");
                heard.set(true);
                ended.map_err(Error::from)
            });
            n.spawn(async {
                let sets = sets_in_line;
                let call = move || drop(sets);
                spawn_blocking(call).await.map_err(Error::from)
            });
            runs.recv().await.unwrap();
            n.cancel();
            turns(A_WHILE).await; // never returns
            Ok::<_, Error>(())
        });
        let mut result = pin!(result);
        while !heard.get() {
            assert!(poll_once(result.as_mut()).await.is_pending());
            turn().await;
        }
        assert!(in_line.load(Ordering::SeqCst), "one in line is at a drop point");
        assert!(!first.load(Ordering::SeqCst));
        open.send(()).unwrap();
        let failures = result.await.unwrap_err();
        assert!(first.load(Ordering::SeqCst));
        // R9: its error comes of the cancellation.
        assert_eq!((failures.errors().len(), failures.derived().len()), (0, 1), "{failures:?}");
    });
}

/// Like an operation: it says that a deadline was why, and is a cancellation all the same.
#[test]
fn r14_a_call_that_a_deadline_has_taken_back_timed_out() {
    run(threads(1), async || {
        let (open, closed) = gate();
        let (running, runs) = tells();
        nursery(async |n| {
            n.spawn(async {
                let call = move || {
                    running.send_blocking(()).unwrap();
                    closed.recv().unwrap();
                };
                spawn_blocking(call).await.map_err(Error::from)
            });
            runs.recv().await.unwrap();
            let queued = timeout(Duration::ZERO, spawn_blocking(|| ())).await.unwrap();
            let ended = queued.unwrap_err();
            let looked_up = timeout(Duration::ZERO, lookup_host("localhost:80")).await.unwrap();
            open.send(()).unwrap();
            assert!(matches!(ended, JoinError::TimedOut), "{ended:?}");
            for error in [Error::from(ended), looked_up.unwrap_err()] {
                assert_eq!((error.kind(), is_cancelled(&error)), (ErrorKind::TimedOut, true));
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn r12_the_value_of_a_call_that_was_dropped_is_dropped_before_the_nursery_returns() {
    run(threads(1), async || {
        let (open, closed) = gate();
        let (running, runs) = tells();
        let (gone, sets) = flag();
        let (queued, sets_queued) = flag();
        nursery(async |n| {
            n.spawn(async {
                let call = move || {
                    running.send_blocking(()).unwrap();
                    closed.recv().unwrap();
                    sets
                };
                let mut call = Box::pin(spawn_blocking(call));
                assert!(poll_once(call.as_mut()).await.is_pending());
                let mut next = Box::pin(spawn_blocking(move || drop(sets_queued)));
                assert!(poll_once(next.as_mut()).await.is_pending());
                runs.recv().await.unwrap();
                drop(next);
                assert!(queued.load(Ordering::SeqCst), "nobody has begun with it");
                drop(call);
                assert!(!gone.load(Ordering::SeqCst));
                open.send(()).unwrap();
                Ok::<_, Error>(())
            });
            Ok(())
        })
        .await
        .unwrap();
        assert!(gone.load(Ordering::SeqCst));
    });
}

/// A value whose destructor panics, and which no task takes, harms no other call.
#[test]
fn r13_a_destructor_that_panics_on_the_thread_harms_nobody() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new(8_u32));
        }
    }
    run(threads(1), async || {
        let (open, closed) = gate();
        let (running, runs) = tells();
        let there = spawn_blocking(thread_id).await.unwrap();
        nursery(async |n| {
            n.spawn(async {
                let call = move || {
                    running.send_blocking(()).unwrap();
                    closed.recv().unwrap();
                    Panics
                };
                let mut call = Box::pin(spawn_blocking(call));
                assert!(poll_once(call.as_mut()).await.is_pending());
                runs.recv().await.unwrap();
                drop(call);
                // Some time after it was let go of.
                open.send(()).unwrap();
                Ok::<_, Error>(())
            });
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(spawn_blocking(thread_id).await.unwrap(), there);
    });
}

#[test]
fn g8_a_runtime_ends_while_a_call_runs() {
    watched(|| {
        let (open, closed) = gate();
        let (running, runs) = tells();
        let (ended, sets) = flag();
        let core = thread_id();
        let (dropped, drops) = std::sync::mpsc::channel::<()>();
        let releases = thread::spawn(move || {
            // Until the future of `block_on` is gone, and the core has nothing to do but wait.
            assert!(drops.recv().is_err());
            while !asleep(core) {
                thread::yield_now();
            }
            open.send(()).unwrap();
        });
        let mut runtime = Runtime::builder().build().unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let _dropped = dropped;
                let call = move || {
                    running.send_blocking(()).unwrap();
                    closed.recv().unwrap();
                    drop(sets);
                };
                let mut call = pin!(spawn_blocking(call));
                assert!(poll_once(call.as_mut()).await.is_pending());
                runs.recv().await.unwrap();
                std::panic::resume_unwind(Box::new(9_u32));
            })
        }));
        assert!(ended.load(Ordering::SeqCst), "block_on has waited");
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&9_u32));
        releases.join().unwrap();
    });
}

/// The same with calls that no thread has begun with, and with one that was forgotten.
#[test]
fn g8_a_runtime_ends_with_calls_in_the_queue() {
    for cycle in 0..100 {
        let (open, closed) = gate();
        let result: io::Result<()> = run(threads(1), async move || {
            let mut first = Box::pin(spawn_blocking(move || closed.recv()));
            assert!(poll_once(first.as_mut()).await.is_pending());
            let mut second = Box::pin(spawn_blocking(|| ()));
            assert!(poll_once(second.as_mut()).await.is_pending());
            if cycle % 2 == 0 {
                std::mem::forget(second);
            }
            drop(open);
            Err(Error::other("the end"))
        });
        assert_eq!(result.unwrap_err().to_string(), "the end");
    }
}

/// A cancelled scope: the first poll is a drop point, and nothing is sent.
#[test]
fn r06_no_call_begins_in_a_cancelled_scope() {
    run(Runtime::builder(), async || {
        let (gone, sets) = flag();
        let result = nursery(async |n| {
            n.cancel();
            let call = move || {
                let _sets = &sets;
                panic!("it runs");
            };
            spawn_blocking(call).await.map_err(Error::from)
        });
        result.await.unwrap_err();
        assert!(gone.load(Ordering::SeqCst));
    });
}

/// A call whose first poll is in a timeout that has expired does not begin there, but in the code
/// around: a combinator that polls only what was woken has to hear of that.
#[test]
fn r06_a_call_begins_after_the_timeout_in_which_it_may_not() {
    run(Runtime::builder(), async || {
        let worker = async {
            shield(sleep(Duration::from_millis(5))).await;
            spawn_blocking(|| 7).await.expect("it begins")
        };
        let mut set = FuturesUnordered::from_iter([worker]);
        assert!(timeout(Duration::from_millis(1), set.next()).await.is_err());
        assert_eq!(set.next().await, Some(7));
    });
}
