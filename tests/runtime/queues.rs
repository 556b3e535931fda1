//! The kernel's queues when they are too small for what is asked.

use crate::assert_balanced;
use crate::support::{asleep, pair, poll_once, sees_the_end, thread_id, turn, watched};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::task::yield_now;
use nestling::time::{Instant, sleep};
use nestling::{Runtime, is_cancelled, nursery, timeout_at};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::ready;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Three thousand reads with one deadline, and room for eight entries: each cancel arrives.
#[test]
fn c3_full_queue_loses_no_cancel() {
    watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let ended = Cell::new(0);
        let (stream, _silent) = pair();
        let deadline = Instant::now() + Duration::from_millis(50);
        let result = runtime.block_on(nursery(async |n| {
            for _ in 0..3_000 {
                n.spawn(async {
                    let read = timeout_at(deadline, stream.read(vec![0; 8])).await;
                    let (result, buffer) = read.expect("a read answers its cancel");
                    assert!(is_cancelled(&result.unwrap_err()));
                    assert_eq!(buffer.len(), 8);
                    ended.set(ended.get() + 1);
                });
            }
            Ok::<_, io::Error>(())
        }));
        result.unwrap();
        assert_eq!(ended.get(), 3_000);
        let stats = assert_balanced(&runtime);
        // On a busy machine the deadline may come before a read has entered the kernel.
        let resolved = stats.cancel_requests + stats.withdrawn;
        assert_eq!((resolved, stats.cancelled), (3_000, 3_000), "{stats:?}");
    });
}

/// The same for futures that are dropped, all in one turn.
#[test]
fn c3_full_queue_loses_no_dropped_operation() {
    watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        // The peer stays: its end would answer reads whose cancel is not with the kernel yet.
        let (stream, _silent) = pair();
        runtime.block_on(async move {
            let mut reads: Vec<_> = (0..3_000).map(|_| Box::pin(stream.read(vec![0; 8]))).collect();
            for read in &mut reads {
                assert!(poll_once(read.as_mut()).await.is_pending());
            }
            yield_now().await;
            drop(reads);
        });
        let stats = assert_balanced(&runtime);
        assert_eq!((stats.submitted, stats.cancel_requests), (3_001, 3_000), "{stats:?}");
    });
}

/// One read and its cancel, a thousand times each way, with a queue that has one entry.
#[test]
fn c3_queue_of_one_entry() {
    watched(|| {
        let mut runtime = Runtime::builder().entries(1).completions(2).build().unwrap();
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            for _ in 0..1_000 {
                {
                    let mut read = pin!(stream.read(vec![0; 8]));
                    assert!(poll_once(read.as_mut()).await.is_pending());
                    yield_now().await;
                }
                let soon = Instant::now() + Duration::from_micros(100);
                let read = timeout_at(soon, stream.read(vec![0; 8])).await;
                assert!(is_cancelled(&read.expect("it is answered").0.unwrap_err()));
                // No other read takes the byte once all cancels are with the kernel.
                turn().await;
                peer.write_all(b"x").unwrap();
                assert_eq!(stream.read(vec![0; 8]).await.0.unwrap(), 1);
            }
        });
        assert_balanced(&runtime);
    });
}

/// Completions overflow a queue of eight again and again, and bells ring into the overflow: the
/// kernel ends the poll of the bell then. One wake after it all has to arrive.
#[test]
fn c1_k7_d1_wake_arrives_after_overflow() {
    watched(|| {
        let mut runtime = Runtime::builder().entries(8).completions(8).build().unwrap();
        let core = thread_id();
        let (ring, bells) = async_channel::unbounded::<u32>();
        let (ask, asked) = mpsc::channel::<u32>();
        // Rings once for every number it is told, when the core sleeps.
        let ringer = thread::spawn(move || {
            for round in asked {
                while !asleep(core) {
                    thread::yield_now();
                }
                ring.send_blocking(round).unwrap();
            }
        });
        runtime.block_on(async {
            for round in 0..100 {
                flood().await;
                ask.send(round).unwrap();
                assert_eq!(bells.recv().await.unwrap(), round);
            }
        });
        drop(ask);
        ringer.join().unwrap();
        let stats = assert_balanced(&runtime);
        assert!(stats.overflows > 0, "the flood was none: {stats:?}");
        assert!(stats.doorbells >= 100, "{stats:?}");
    });
}

/// A hundred nops, and as many receives that are answered in one turn, while another thread wakes
/// this one.
async fn flood() {
    let nops: FuturesUnordered<_> = (0..100).map(|_| nop()).collect();
    assert_eq!(nops.filter_map(|result| ready(result.ok())).count().await, 100);
    let pairs: Vec<_> = (0..50).map(|_| pair()).collect();
    let (mut peers, streams): (Vec<_>, Vec<_>) =
        pairs.into_iter().map(|(stream, peer)| (peer, stream)).unzip();
    let reads: FuturesUnordered<_> = streams.iter().map(|stream| stream.read(vec![0; 8])).collect();
    let (ring, bell) = async_channel::bounded::<()>(1);
    let ringer = thread::spawn(move || {
        peers.iter_mut().for_each(|peer| peer.write_all(b"x").unwrap());
        ring.send_blocking(()).unwrap();
        peers
    });
    let (bell, read) = futures_util::join!(
        bell.recv(),
        reads.filter_map(|(result, _)| ready(result.ok())).count()
    );
    bell.unwrap();
    assert_eq!(read, 50);
    ringer.join().unwrap();
}

/// Ten thousand operations at once through queues of eight entries.
#[test]
fn c1_flood_of_ten_thousand_loses_nothing() {
    watched(|| {
        let mut runtime = Runtime::builder().entries(8).completions(8).build().unwrap();
        let ended = Cell::new(0);
        let result = runtime.block_on(nursery(async |n| {
            // The bell is armed before the flood.
            sleep(Duration::from_millis(1)).await;
            for _ in 0..10_000 {
                n.spawn(async {
                    nop().await?;
                    ended.set(ended.get() + 1);
                    Ok(())
                });
            }
            Ok::<_, io::Error>(())
        }));
        result.unwrap();
        assert_eq!(ended.get(), 10_000);
        assert_eq!(assert_balanced(&runtime).submitted, 10_000);
    });
}

/// A million operations are in flight: the next is refused in words, and a socket is closed all the
/// same, with somebody waiting for that or without.
#[test]
fn g8_limit_of_operations_in_flight_is_an_error() {
    const LIMIT: usize = 1 << 20;
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let (kept, _silent) = pair();
            let (closed, mut closed_peer) = pair();
            let (dropped, mut dropped_peer) = pair();
            let mut all: Vec<_> = (0..LIMIT).map(|_| Box::pin(nop())).collect();
            for nop in &mut all {
                assert!(poll_once(nop.as_mut()).await.is_pending());
            }
            let (result, buffer) = kept.read(vec![0; 8]).await;
            let error = result.unwrap_err();
            assert!(error.to_string().contains("in flight on this core"), "{error}");
            assert!(!is_cancelled(&error) && buffer.len() == 8);
            drop(dropped);
            assert!(sees_the_end(&mut dropped_peer), "closed on the spot");
            assert!(closed.close().await.is_err());
            assert!(sees_the_end(&mut closed_peer), "closed on the spot");
            drop(all);
            nop().await.expect("there is room again");
        });
        assert_eq!(assert_balanced(&runtime).withdrawn, LIMIT as u64);
    });
}
