//! Wakes: from other threads, from inside a poll, after the end, and by wakers that do more.

use crate::assert_balanced;
use crate::support::{pair, poll_once, watched};
use nestling::task::yield_now;
use nestling::time::{Instant, sleep};
use nestling::{Runtime, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::thread;
use std::time::Duration;

/// Where a task of the runtime waits for a number that another thread counts up. Its waker is
/// cloned once and kept, as most foreign futures do.
#[derive(Debug, Default)]
struct Gate {
    number: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

impl Gate {
    /// Waits until the number is at least this.
    async fn reached(&self, number: u64) {
        poll_fn(|cx| {
            if self.number.load(Ordering::SeqCst) >= number {
                return Poll::Ready(());
            }
            self.waker.lock().unwrap().get_or_insert_with(|| cx.waker().clone());
            match self.number.load(Ordering::SeqCst) >= number {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }

    fn set(&self, number: u64) {
        self.number.store(number, Ordering::SeqCst);
        if let Some(waker) = &*self.waker.lock().unwrap() {
            waker.wake_by_ref();
        }
    }
}

/// A million wakes from another thread, each waited for before the next: a lost one hangs the test.
/// On a slow machine it stops after some seconds.
#[test]
fn f1_no_wake_from_another_thread_is_lost() {
    const WAKES: u64 = 1_000_000;
    watched(|| {
        let gate = Arc::new(Gate::default());
        let seen = Arc::new(AtomicU64::new(0));
        let enough = Arc::new(AtomicBool::new(false));
        let waking = thread::spawn({
            let (gate, seen, enough) = (Arc::clone(&gate), Arc::clone(&seen), Arc::clone(&enough));
            move || {
                for number in 1..=WAKES {
                    gate.set(number);
                    while seen.load(Ordering::SeqCst) < number {
                        if enough.load(Ordering::SeqCst) {
                            return gate.set(u64::MAX);
                        }
                        thread::yield_now();
                    }
                }
            }
        });
        let mut runtime = Runtime::builder().build().unwrap();
        let woken = runtime.block_on(async {
            let end = Instant::now() + Duration::from_secs(5);
            for number in 1..=WAKES {
                gate.reached(number).await;
                seen.store(number, Ordering::SeqCst);
                if number % 1024 == 0 && Instant::now() > end {
                    enough.store(true, Ordering::SeqCst);
                    return number;
                }
            }
            WAKES
        });
        waking.join().unwrap();
        assert!(woken >= 1024);
        assert_balanced(&runtime);
    });
}

/// Four threads wake as many children in bursts, while those also do work of the kernel's.
#[test]
fn f1_wakes_of_many_threads_find_their_tasks() {
    const EACH: u64 = 5_000;
    watched(|| {
        let gates: Vec<_> = (0..4).map(|_| Arc::new(Gate::default())).collect();
        let waking: Vec<_> = gates
            .iter()
            .cloned()
            .map(|gate| thread::spawn(move || (1..=EACH).for_each(|number| gate.set(number))))
            .collect();
        let result = nestling::block_on(nursery(async |n| {
            for gate in &gates {
                n.spawn(async {
                    for number in (1..=EACH).step_by(7) {
                        gate.reached(number).await;
                        nop().await?;
                    }
                    gate.reached(EACH).await;
                    Ok(())
                });
            }
            Ok::<_, io::Error>(())
        }));
        result.unwrap();
        waking.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A task that wakes itself inside its poll is polled again, however it was woken.
#[test]
fn f5_wake_inside_poll_is_kept() {
    watched(|| {
        let polls = Cell::new(0);
        let result = nestling::block_on(nursery(async |n| {
            n.spawn(poll_fn(|cx| {
                polls.set(polls.get() + 1);
                match polls.get() % 3 {
                    0 => cx.waker().wake_by_ref(),
                    1 => Some(cx.waker().clone()).into_iter().for_each(Waker::wake),
                    _ => {
                        cx.waker().wake_by_ref();
                        cx.waker().clone().wake_by_ref();
                    }
                }
                if polls.get() < 1_000 { Poll::Pending } else { Poll::Ready(()) }
            }));
            Ok::<_, io::Error>(())
        }));
        result.unwrap();
        assert_eq!(polls.get(), 1_000);
    });
}

/// The root future too, and from a thread that the poll waits for.
#[test]
fn f5_wake_of_another_thread_inside_poll_is_kept() {
    watched(|| {
        let mut polls = 0;
        nestling::block_on(poll_fn(|cx| {
            polls += 1;
            let waker = cx.waker().clone();
            thread::spawn(move || waker.wake()).join().unwrap();
            if polls < 100 { Poll::Pending } else { Poll::Ready(()) }
        }));
        assert_eq!(polls, 100);
    });
}

/// A waker that is only lent may be used on another thread during the poll.
#[test]
fn f5_lent_waker_on_a_scoped_thread() {
    watched(|| {
        let mut polls = 0;
        nestling::block_on(poll_fn(|cx| {
            polls += 1;
            let waker = cx.waker();
            thread::scope(|scope| scope.spawn(|| waker.wake_by_ref()).join().unwrap());
            if polls < 100 { Poll::Pending } else { Poll::Ready(()) }
        }));
        assert_eq!(polls, 100);
    });
}

/// Wakers that outlive their task and their runtime wake no task, and are dropped anywhere.
#[test]
fn f7_wakers_outlive_the_runtime() {
    watched(|| {
        let mut wakers = Vec::new();
        let result = nestling::block_on(nursery(async |n| {
            let mut keep = async || {
                wakers.push(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await);
            };
            keep().await;
            for _ in 0..10 {
                let kept = n.spawn(poll_fn(|cx| Poll::Ready(Ok(cx.waker().clone()))));
                wakers.push(kept.await?);
            }
            Ok::<_, io::Error>(())
        }));
        result.unwrap();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let wakers = wakers.clone();
                thread::spawn(move || {
                    for _ in 0..10_000 {
                        wakers.iter().for_each(Waker::wake_by_ref);
                        wakers.iter().cloned().for_each(Waker::wake);
                    }
                })
            })
            .collect();
        // Meanwhile another runtime uses the same thread, and the numbers of the old tasks.
        nestling::block_on(async {
            for _ in 0..1_000 {
                nop().await.unwrap();
                wakers.iter().for_each(Waker::wake_by_ref);
            }
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// A thread wakes all the time while its runtime ends, again and again.
#[test]
fn f7_wakes_race_the_end_of_the_runtime() {
    watched(|| {
        let gate = Arc::new(Gate::default());
        let stop = Arc::new(AtomicBool::new(false));
        let waking = thread::spawn({
            let (gate, stop) = (Arc::clone(&gate), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::SeqCst) {
                    let waker = gate.waker.lock().unwrap().clone();
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                }
            }
        });
        for _ in 0..300 {
            let mut runtime = Runtime::builder().entries(8).completions(8).build().unwrap();
            runtime.block_on(async {
                gate.waker.lock().unwrap().take();
                let mut gate = pin!(gate.reached(1));
                assert!(poll_once(gate.as_mut()).await.is_pending());
                nop().await.unwrap();
            });
            assert_balanced(&runtime);
        }
        stop.store(true, Ordering::SeqCst);
        waking.join().unwrap();
    });
}

/// A waker whose every act uses the runtime; the count says how often one was woken.
fn meddler(woken: &'static AtomicU64) -> Waker {
    fn meddle() {
        // Reads the clock of the core, and has the ring close a socket.
        assert!(Instant::now().elapsed() < Duration::MAX);
        drop(pair());
    }
    fn count(data: *const ()) -> &'static AtomicU64 {
        // SAFETY: every waker of this table is made with a static counter.
        unsafe { &*data.cast() }
    }
    static TABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            meddle();
            RawWaker::new(data, &TABLE)
        },
        |data| {
            meddle();
            count(data).fetch_add(1, Ordering::SeqCst);
            meddle();
        },
        |data| {
            meddle();
            count(data).fetch_add(1, Ordering::SeqCst);
        },
        |_| meddle(),
    );
    // SAFETY: the table's functions only read the counter, which lives for ever.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::from_ref(woken).cast(), &TABLE)) }
}

/// Foreign code runs in a waker's clone, wake and drop: nothing of the runtime is borrowed then.
#[test]
fn c14_wakers_may_use_the_runtime() {
    static FIRST: AtomicU64 = AtomicU64::new(0);
    static SECOND: AtomicU64 = AtomicU64::new(0);
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            // Dropped inside the runtime, like all their clones.
            let (first, second) = (meddler(&FIRST), meddler(&SECOND));
            let (stream, mut peer) = pair();
            for answered in [true, false] {
                let mut read = pin!(stream.read(vec![0; 16]));
                let mut short = pin!(sleep(Duration::from_millis(1)));
                for waker in [&first, &second, &second, &first, &second] {
                    let mut cx = Context::from_waker(waker);
                    assert!(read.as_mut().poll(&mut cx).is_pending());
                    let _ = short.as_mut().poll(&mut cx);
                    yield_now().await;
                }
                if answered {
                    peer.write_all(b"x").unwrap();
                    assert_eq!(read.await.0.unwrap(), 1);
                    short.await;
                }
            }
            // A close waits for the one that was dropped last.
            let mut close = pin!(stream.close());
            let polled = close.as_mut().poll(&mut Context::from_waker(&first));
            assert!(polled.is_pending());
            close.await.unwrap();
        });
        assert_balanced(&runtime);
    });
}

/// A nursery that is polled by somebody else's waker.
#[test]
fn c14_wakers_of_a_nursery_may_use_the_runtime() {
    static WOKEN: AtomicU64 = AtomicU64::new(0);
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let waker = meddler(&WOKEN);
            let mut inner = pin!(nursery(async |n| {
                for _ in 0..100 {
                    n.spawn(async { nop().await });
                }
                Ok::<_, io::Error>(())
            }));
            loop {
                // Also a wake inside the poll counts.
                let woken = WOKEN.load(Ordering::SeqCst);
                if inner.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    break;
                }
                while WOKEN.load(Ordering::SeqCst) == woken {
                    yield_now().await;
                }
            }
        });
        assert_balanced(&runtime);
    });
}
