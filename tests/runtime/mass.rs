//! Very many operations at once: none is lost, and no turn of the loop takes more of them than it
//! may, so that other tasks run meanwhile.

use crate::assert_balanced;
use crate::support::{Count, pair, poll_counted, poll_once, turn, watched};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::net::TcpStream;
use nestling::task::yield_now;
use nestling::time::{Instant, sleep_until};
use nestling::{Runtime, Stats, is_cancelled, nursery, stats};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::{Future, ready};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// More than anything that a turn may do of a kind.
const MANY: usize = 20_000;
/// What it may do, at most: a quarter of that.
const BATCH: u64 = 5_000;
/// The same for cancels, which cost more.
const CANCELS: u64 = 1_000;

/// Watches a counter from turn to turn while something else runs: by how much it grew at most.
async fn most_in_a_turn(counter: impl Fn() -> u64, runs: impl AsyncFnOnce()) -> u64 {
    let (most, done) = (Cell::new(0), Cell::new(false));
    let result = nursery(async |n| {
        n.spawn(async {
            let mut before = counter();
            while !done.get() {
                yield_now().await;
                let now = counter();
                most.set(most.get().max(now - before));
                before = now;
            }
        });
        runs().await;
        done.set(true);
        Ok::<_, io::Error>(())
    });
    result.await.expect("nothing fails");
    most.get()
}

/// Reads on which nothing ever arrives.
fn reads(stream: &TcpStream, count: usize) -> impl Iterator<Item = impl Future<Output = bool>> {
    (0..count).map(|_| async {
        let error = stream.read(vec![0; 8]).await.0.expect_err("nothing arrives");
        is_cancelled(&error)
    })
}

async fn until_in_flight(count: usize) {
    while stats().in_flight < count as u64 {
        yield_now().await;
    }
}

/// Cancels so many reads, each a child of its own; tells how many requests a turn has made at most,
/// how often the kernel was entered from then on, and how many reads heard of it.
fn cancel_many(runtime: &mut Runtime, count: usize) -> (u64, u64, usize) {
    let (stream, _silent) = pair();
    let (heard, enters) = (Cell::new(0), Cell::new(0));
    let most = runtime.block_on(most_in_a_turn(
        || stats().cancel_requests,
        async || {
            let result = nursery(async |n| {
                for read in reads(&stream, count) {
                    n.spawn(async {
                        let told = read.await;
                        heard.set(heard.get() + usize::from(told));
                    });
                }
                until_in_flight(count).await;
                enters.set(stats().enters);
                n.cancel();
                Ok::<_, io::Error>(())
            });
            result.await.expect("it cancels itself");
            assert_eq!(stats().in_flight, 0, "the nursery has waited for all");
            enters.set(stats().enters - enters.get());
        },
    ));
    (most, enters.get(), heard.get())
}

fn assert_each_cancelled_once(stats: Stats, count: usize) {
    let asked = (stats.cancel_requests, stats.cancelled);
    assert_eq!(asked, (count as u64, count as u64), "{stats:?}");
}

#[test]
fn r03_mass_cancel_is_spread_over_turns_and_takes_few_enters() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let (most, enters, heard) = cancel_many(&mut runtime, MANY);
        assert_eq!(heard, MANY);
        assert_each_cancelled_once(assert_balanced(&runtime), MANY);
        assert!(most <= CANCELS, "{most} requests in one turn");
        assert!(enters <= MANY as u64 / 100, "{enters} enters");
    });
}

/// The kernel's queues are small, and its completions overflow.
#[test]
fn r03_mass_cancel_through_small_queues() {
    watched(|| {
        for (entries, completions) in [(64, 64), (8, 64), (8, 8), (1, 2)] {
            let builder = Runtime::builder().entries(entries).completions(completions);
            let mut runtime = builder.build().unwrap();
            let (most, enters, heard) = cancel_many(&mut runtime, 3_000);
            assert_eq!(heard, 3_000);
            let stats = assert_balanced(&runtime);
            assert_each_cancelled_once(stats, 3_000);
            assert!(most <= CANCELS, "{most} requests in one turn");
            // Each enter takes a full queue, and a few more fetch what is left.
            let least = 3_000 / u64::from(entries);
            assert!(enters <= least + 3_000 / 10, "{enters} enters for {least} queues");
        }
    });
}

/// All in one scope, half of them unknown to the kernel: those are resolved without it, although
/// they have to wait for their turn.
#[test]
fn r03_mass_cancel_resolves_what_has_not_entered_the_kernel() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let heard = Cell::new(0);
        runtime.block_on(async {
            let (stream, _silent) = pair();
            let result = nursery(async |n| {
                let mut entered: FuturesUnordered<_> = reads(&stream, MANY / 2).collect();
                assert!(poll_once(Pin::new(&mut entered.next())).await.is_pending());
                until_in_flight(MANY / 2).await;
                let mut queued: FuturesUnordered<_> = reads(&stream, MANY / 2).collect();
                assert!(poll_once(Pin::new(&mut queued.next())).await.is_pending());
                n.cancel();
                let all = entered.chain(queued).filter(|heard| ready(*heard));
                heard.set(all.count().await);
                Ok::<_, io::Error>(())
            });
            result.await.expect("it cancels itself");
        });
        assert_eq!(heard.get(), MANY);
        let stats = assert_balanced(&runtime);
        let half = MANY as u64 / 2;
        assert_eq!((stats.cancel_requests, stats.withdrawn), (half, half), "{stats:?}");
        // And the close.
        assert_eq!(stats.submitted, half + 1, "{stats:?}");
    });
}

/// A nursery around it is cancelled while the requests are under way, and then its future dropped.
#[test]
fn r03_mass_cancel_asks_once_however_it_goes_on() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let (stream, _silent) = pair();
            let result = nursery(async |outer| {
                let mut inner = Box::pin(nursery(async |n| {
                    for read in reads(&stream, MANY) {
                        n.spawn(async { _ = read.await });
                    }
                    until_in_flight(MANY).await;
                    n.cancel();
                    Ok::<_, io::Error>(())
                }));
                while stats().cancel_requests == 0 {
                    assert!(poll_once(inner.as_mut()).await.is_pending());
                    yield_now().await;
                }
                assert!(stats().cancel_requests < MANY as u64, "that was all at once");
                outer.cancel();
                drop(inner);
                Ok::<_, io::Error>(())
            });
            result.await.expect("it cancels itself");
            assert_eq!(stats().in_flight, 0, "the nursery around it has waited");
        });
        assert_eq!(assert_balanced(&runtime).cancel_requests, MANY as u64);
    });
}

/// A submission of a neighbour does not wait for the last of the requests.
#[test]
fn r03_mass_cancel_lets_new_submissions_in() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let before_the_last = Cell::new(0);
        runtime.block_on(async {
            let (stream, _silent) = pair();
            let result = nursery(async |n| {
                n.spawn(async {
                    until_in_flight(MANY).await;
                    while stats().cancel_requests < MANY as u64 {
                        nop().await?;
                        before_the_last.set(before_the_last.get() + 1);
                    }
                    Ok(())
                });
                nursery(async |inner| {
                    for read in reads(&stream, MANY) {
                        inner.spawn(async { _ = read.await });
                    }
                    until_in_flight(MANY).await;
                    inner.cancel();
                    Ok::<_, io::Error>(())
                })
                .await
            });
            result.await.expect("the inner one cancels itself");
        });
        assert!(before_the_last.get() > 10, "{} answers", before_the_last.get());
        assert_balanced(&runtime);
    });
}

#[test]
fn c3_mass_of_dropped_futures_is_spread_over_turns() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let most = runtime.block_on(most_in_a_turn(
            || stats().cancel_requests,
            async || {
                let (stream, _silent) = pair();
                let mut all: FuturesUnordered<_> = reads(&stream, MANY).collect();
                assert!(poll_once(Pin::new(&mut all.next())).await.is_pending());
                until_in_flight(MANY).await;
                drop(all);
                while stats().in_flight > 0 {
                    yield_now().await;
                }
            },
        ));
        assert!(most <= CANCELS, "{most} requests in one turn");
        assert_eq!(assert_balanced(&runtime).cancel_requests, MANY as u64);
    });
}

/// What is left when the future of `block_on` has ended is cancelled in turns, too, and nothing of
/// that reaches into the next `block_on`.
#[test]
fn g3_drain_of_a_mass_leaves_nothing_to_the_next_block_on() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let stream = Rc::new(RefCell::new(None));
        let mut kept = runtime.block_on(async {
            let (ours, silent) = pair();
            let ours = Rc::new(ours);
            stream.replace(Some((Rc::clone(&ours), silent)));
            let read = || {
                let ours = Rc::clone(&ours);
                Box::pin(async move { drop(ours.read(vec![0; 8]).await) })
            };
            let mut kept: Vec<_> = (0..MANY).map(|_| read()).collect();
            for read in &mut kept {
                assert!(poll_once(read.as_mut()).await.is_pending());
            }
            until_in_flight(MANY).await;
            kept
        });
        assert_eq!(assert_balanced(&runtime).cancel_requests, MANY as u64);
        // Their answers are there: nothing is in flight but what is begun now.
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            let mut read = Box::pin(stream.read(vec![0; 8]));
            assert!(poll_once(read.as_mut()).await.is_pending());
            for _ in 0..50 {
                turn().await;
            }
            io::Write::write_all(&mut peer, b"x").unwrap();
            assert_eq!(read.await.0.unwrap(), 1);
            for read in &mut kept {
                assert!(poll_once(read.as_mut()).await.is_ready());
            }
        });
        assert_eq!(assert_balanced(&runtime).cancel_requests, MANY as u64);
    });
}

#[test]
fn g8_mass_of_submissions_and_completions_is_spread_over_turns() {
    watched(|| {
        for counter in [(|| stats().submitted) as fn() -> u64, || stats().completed] {
            let mut runtime = Runtime::builder().build().unwrap();
            let most = runtime.block_on(most_in_a_turn(counter, async || {
                let mut nops: Vec<_> = (0..MANY).map(|_| Box::pin(nop())).collect();
                for nop in &mut nops {
                    assert!(poll_once(nop.as_mut()).await.is_pending());
                }
                for nop in nops {
                    nop.await.unwrap();
                }
            }));
            assert!(most <= BATCH, "{most} in one turn");
            assert_balanced(&runtime);
        }
    });
}

/// So many sleeps that end at the same time, none of them before the last was begun: the time until
/// then is doubled until it is long enough.
fn sleeps(count: usize, woken: &Arc<Count>) -> Vec<Pin<Box<impl Future<Output = ()> + use<>>>> {
    let mut after = Duration::from_millis(50);
    loop {
        let at = Instant::now() + after;
        let mut sleeps: Vec<_> = (0..count).map(|_| Box::pin(sleep_until(at))).collect();
        if sleeps.iter_mut().all(|sleep| poll_counted(sleep.as_mut(), woken).is_pending()) {
            return sleeps;
        }
        after *= 2;
    }
}

#[test]
fn g8_mass_of_timers_is_spread_over_turns() {
    watched(|| {
        let woken = Arc::new(Count::default());
        let most = nestling::block_on(most_in_a_turn(
            || woken.get() as u64,
            async || {
                let _sleeps = sleeps(MANY, &woken);
                while woken.get() < MANY {
                    yield_now().await;
                }
            },
        ));
        assert!(most <= BATCH, "{most} in one turn");
    });
}
