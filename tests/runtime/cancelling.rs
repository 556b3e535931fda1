//! Cancelling many operations at once, and operations that never entered the kernel.

use crate::assert_balanced;
use crate::support::{pair, poll_once, turn, watched};
use nestling::net::TcpStream;
use nestling::task::yield_now;
use nestling::{Runtime, is_cancelled, nursery, stats};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::io::{self, Write};
use std::os::unix::net::UnixStream;

/// Streams for a mass of receives: a few hundred, each with several receives at once.
fn streams(count: usize) -> (Vec<TcpStream>, Vec<UnixStream>) {
    (0..count.clamp(1, 500)).map(|_| pair()).unzip()
}

/// One child fails while many receives are in flight: every one is cancelled, exactly once.
fn one_sibling_fails(count: usize) {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let (streams, _silent) = streams(count);
        let (started, cancelled) = (Cell::new(0), Cell::new(0));
        let result = runtime.block_on(nursery(async |n| {
            for stream in streams.iter().cycle().take(count) {
                let (started, cancelled) = (&started, &cancelled);
                n.spawn(async move {
                    started.set(started.get() + 1);
                    let (result, buffer) = stream.read(vec![0; 32]).await;
                    assert!(is_cancelled(result.as_ref().unwrap_err()));
                    assert_eq!(buffer.len(), 32);
                    cancelled.set(cancelled.get() + 1);
                    result.map(drop)
                });
            }
            // All are with the kernel before one fails: a turn submits everything.
            while started.get() < count {
                turn().await;
            }
            turn().await;
            n.spawn(async { Err::<(), _>(io::Error::other("one fails")) });
            Ok::<(), _>(())
        }));
        assert_eq!(result.unwrap_err().to_string(), "one fails");
        assert_eq!(cancelled.get(), count);
        let stats = assert_balanced(&runtime);
        let expected = (count as u64, count as u64, 0);
        assert_eq!((stats.cancel_requests, stats.cancelled, stats.withdrawn), expected);
        assert!(stats.submitted >= count as u64);
    });
}

#[test]
fn r03_one_receive_is_cancelled_once() {
    one_sibling_fails(1);
}

#[test]
fn r03_ten_receives_are_cancelled_once_each() {
    one_sibling_fails(10);
}

#[test]
fn r03_a_thousand_receives_are_cancelled_once_each() {
    one_sibling_fails(1_000);
}

#[test]
fn r03_ten_thousand_receives_are_cancelled_once_each() {
    one_sibling_fails(10_000);
}

/// Ten thousand receives are cancelled, and as many started in their place at once, through queues
/// of eight entries: none of the second generation is hit by a cancel of the first.
#[test]
fn trap_6_no_cancel_reaches_the_next_generation() {
    const COUNT: usize = 10_000;
    watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        let (streams, mut peers) = streams(COUNT);
        runtime.block_on(async {
            for generation in 0..2 {
                let cancelled = nursery(async |n| {
                    for stream in streams.iter().cycle().take(COUNT) {
                        n.spawn(async { stream.read(vec![0; 8]).await.0.map(drop) });
                    }
                    while stats().in_flight < COUNT as u64 {
                        turn().await;
                    }
                    n.cancel();
                    Ok::<_, io::Error>(())
                });
                cancelled.await.unwrap();
                // In the same turn, on the same sockets, in the same slots.
                let received = Cell::new(0);
                let next = nursery(async |n| {
                    for stream in streams.iter().cycle().take(COUNT) {
                        n.spawn(async {
                            let (result, _) = stream.read(vec![0; 1]).await;
                            received.set(received.get() + result?);
                            Ok(())
                        });
                    }
                    turn().await;
                    for peer in &mut peers {
                        peer.write_all(&[generation; COUNT / 500])?;
                    }
                    Ok::<_, io::Error>(())
                });
                next.await.expect("nobody cancelled these");
                assert_eq!(received.get(), COUNT);
            }
        });
        let stats = assert_balanced(&runtime);
        assert!(stats.cancel_requests + stats.withdrawn <= 2 * COUNT as u64, "{stats:?}");
        assert_eq!(stats.cancelled, 2 * COUNT as u64, "{stats:?}");
    });
}

/// The same with futures that are dropped, one by one, and started anew in the same poll.
#[test]
fn trap_6_no_cancel_of_a_dropped_future_reaches_the_next() {
    watched(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            let start = || Box::pin(stream.read(vec![0; 1]));
            let mut reads: Vec<_> = (0..500).map(|_| start()).collect();
            for read in &mut reads {
                assert!(poll_once(read.as_mut()).await.is_pending());
            }
            for _ in 0..20 {
                yield_now().await;
                for read in &mut reads {
                    *read = start();
                    assert!(poll_once(read.as_mut()).await.is_pending());
                }
            }
            // No other read takes the bytes once all cancels are with the kernel.
            turn().await;
            peer.write_all(&[1; 500]).unwrap();
            for read in reads {
                assert_eq!(read.await.0.expect("nobody cancelled it"), 1);
            }
        });
        let stats = assert_balanced(&runtime);
        assert_eq!(stats.cancel_requests + stats.withdrawn, 20 * 500, "{stats:?}");
    });
}

/// Cancelled in the turn in which they were made: resolved without the kernel.
#[test]
fn e11_operations_cancelled_before_they_entered_are_withdrawn() {
    watched(|| {
        for entries in [8, 4096] {
            let mut runtime = Runtime::builder().entries(entries).build().unwrap();
            let (stream, _silent) = pair();
            let cancelled = Cell::new(0);
            let result = runtime.block_on(nursery(async |n| {
                for _ in 0..100 {
                    n.spawn(async {
                        let error = stream.read(vec![0; 8]).await.0.unwrap_err();
                        assert!(is_cancelled(&error));
                        cancelled.set(cancelled.get() + 1);
                        Err::<(), _>(error)
                    });
                }
                // The last child of the turn: those before it have queued their receives.
                n.spawn(async {
                    n.cancel();
                });
                Ok::<_, io::Error>(())
            }));
            result.unwrap();
            assert_eq!(cancelled.get(), 100);
            let stats = assert_balanced(&runtime);
            let seen = (stats.submitted, stats.withdrawn, stats.cancelled, stats.cancel_requests);
            assert_eq!(seen, (0, 100, 100, 0));
        }
    });
}

/// Nothing is submitted in a scope that is cancelled.
#[test]
fn h7_cancelled_task_submits_nothing() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let result = runtime.block_on(nursery(async |n| {
            n.cancel();
            nop().await
        }));
        assert!(is_cancelled(&result.unwrap_err()) || runtime.stats().submitted == 0);
        let stats = assert_balanced(&runtime);
        assert_eq!((stats.submitted, stats.withdrawn, stats.cancel_requests), (0, 0, 0));
    });
}

/// The answer is there, and its cancel comes before anybody has looked: the answer is delivered.
#[test]
fn e2_answer_that_raced_its_cancel_is_delivered() {
    watched(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let mut delivered = 0;
        for _ in 0..500 {
            let (stream, mut peer) = pair();
            let got = Cell::new(None);
            let result = runtime.block_on(nursery(async |n| {
                n.spawn(async {
                    let (result, bytes) = stream.read(vec![0; 4]).await;
                    got.set(Some(result.map(|length| bytes[..length].to_vec())));
                });
                turn().await;
                peer.write_all(b"data").unwrap();
                n.cancel();
                Ok::<_, io::Error>(())
            }));
            result.unwrap();
            match got.take().expect("it was told") {
                Ok(bytes) => {
                    assert_eq!(bytes, b"data");
                    delivered += 1;
                }
                Err(error) => {
                    assert!(is_cancelled(&error));
                    // What was not delivered is still to be had.
                    let (result, bytes) = runtime.block_on(stream.read(vec![0; 4]));
                    assert_eq!((result.unwrap(), &bytes[..]), (4, &b"data"[..]));
                }
            }
        }
        let stats = assert_balanced(&runtime);
        assert_eq!(stats.cancelled + delivered, 500);
    });
}
