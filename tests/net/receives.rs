//! Receives: bytes that came for one that was dropped are the first that the next one gets.

use crate::support::{Count, end_turn, pair, poll_counted, poll_once, turn, until_woken};
use crate::{Crowd, answered, at_once, run, start, submitted};
use nestling::task::{consume_budget, yield_now};
use std::future::{Future, poll_fn};
use std::io::Write;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

#[test]
fn r17_an_answered_read_leaves_its_bytes() {
    let stats = run(async || {
        let (stream, mut peer) = pair();
        for _ in 0..100 {
            let write = || peer.write_all(b"hello").unwrap();
            drop(answered(stream.read(vec![0; 64]), write).await);
            let before = submitted();
            let (result, buffer) = at_once(stream.read(Vec::with_capacity(64))).await;
            assert_eq!((result.unwrap(), &buffer[..]), (5, &b"hello"[..]));
            assert_eq!(submitted(), before, "the kernel was not asked");
        }
    });
    assert_eq!(stats.resumed, 100, "{stats:?}");
}

/// A turn that is over is no reason to lose them: they stay, and a read of the next turn gets them.
#[test]
fn r18_bytes_stay_when_the_turn_is_over() {
    run(async || {
        let (stream, mut peer) = pair();
        let write = || peer.write_all(b"hello").unwrap();
        drop(answered(stream.read(vec![0; 64]), write).await);
        end_turn().await;
        let before = submitted();
        assert!(poll_once(pin!(stream.read(vec![0; 64]))).await.is_pending());
        assert!(poll_once(pin!(stream.read_exact(vec![0; 2]))).await.is_pending());
        let (result, buffer) = stream.read_exact(vec![0; 5]).await;
        result.unwrap();
        assert_eq!(buffer, b"hello");
        assert_eq!(submitted(), before, "the kernel was not asked");
    });
}

/// Smaller buffers than what was left, and then what the kernel has.
#[test]
fn r17_what_was_left_comes_in_several_reads() {
    run(async || {
        let (stream, mut peer) = pair();
        let write = || peer.write_all(b"abcdefg").unwrap();
        drop(answered(stream.read(vec![0; 64]), write).await);
        peer.write_all(b"hij").unwrap();
        for expected in [&b"abc"[..], b"def", b"g", b"hij"] {
            let (result, buffer) = stream.read(vec![0; 3]).await;
            assert_eq!(&buffer[..result.unwrap()], expected);
        }
    });
}

#[test]
fn r17_read_exact_goes_on_from_what_was_left() {
    run(async || {
        let (stream, mut peer) = pair();
        let write = || peer.write_all(b"abcde").unwrap();
        drop(answered(stream.read(vec![0; 64]), write).await);
        let (result, buffer) = at_once(stream.read_exact(vec![0; 2])).await;
        result.unwrap();
        assert_eq!(buffer, b"ab");
        peer.write_all(b"fgh").unwrap();
        let (result, buffer) = stream.read_exact(Vec::with_capacity(6)).await;
        result.unwrap();
        assert_eq!(buffer, b"cdefgh");
    });
}

/// An empty buffer takes nothing, and does not wait.
#[test]
fn r17_an_empty_buffer_leaves_what_was_left() {
    run(async || {
        let (stream, mut peer) = pair();
        let write = || peer.write_all(b"abc").unwrap();
        drop(answered(stream.read(vec![0; 64]), write).await);
        assert_eq!(at_once(stream.read(Vec::new())).await.0.unwrap(), 0);
        at_once(stream.read_exact(Vec::new())).await.0.unwrap();
        assert_eq!(at_once(stream.read(vec![0; 64])).await.0.unwrap(), 3);
    });
}

/// Dropped in its second receive, or before that has entered the kernel: the stream has all bytes,
/// from the first.
#[test]
fn r17_a_dropped_read_exact_leaves_all_that_it_had() {
    run(async || {
        for enter in [true, false] {
            let (stream, mut peer) = pair();
            let mut read = Box::pin(stream.read_exact(Vec::with_capacity(8)));
            start(read.as_mut()).await;
            peer.write_all(b"abc").unwrap();
            // The first receive is answered, and the second one starts.
            turn().await;
            turn().await;
            assert!(poll_once(read.as_mut()).await.is_pending());
            if enter {
                turn().await;
                peer.write_all(b"de").unwrap();
            }
            drop(read);
            if !enter {
                peer.write_all(b"de").unwrap();
            }
            let (result, buffer) = stream.read_exact(vec![0; 5]).await;
            result.unwrap();
            assert_eq!(buffer, b"abcde");
        }
    });
}

/// A read that is dropped in flight may still get the first bytes, so the next one lets it end
/// before it starts. Both orders: the bytes win against the cancel, or are left to the next.
#[test]
fn r17_a_read_does_not_overtake_one_that_was_dropped() {
    for wins in [false, true] {
        let stats = run(async || {
            let (stream, mut peer) = pair();
            for round in 0..100 {
                let mut dropped = Box::pin(stream.read(vec![0; 1]));
                start(dropped.as_mut()).await;
                let mut crowd = Crowd::new().await;
                // Two bytes: one for each, if both were with the kernel.
                peer.write_all(&[round, round + 100]).unwrap();
                crowd.cancel(wins);
                drop(dropped);
                let before = nestling::stats();
                let mut read = Box::pin(stream.read(vec![0; 1]));
                assert!(poll_once(read.as_mut()).await.is_pending());
                while nestling::stats().completed == before.completed {
                    assert_eq!(nestling::stats().submitted, before.submitted, "it waits");
                    yield_now().await;
                }
                for (read, byte) in
                    [(read, round), (Box::pin(stream.read(vec![0; 1])), round + 100)]
                {
                    let (result, buffer) = read.await;
                    assert_eq!((result.unwrap(), buffer[0]), (1, byte));
                }
            }
        });
        assert_eq!(stats.resumed, if wins { 100 } else { 0 }, "{stats:?}");
    }
}

/// Two reads wait for one that was dropped: both go on.
#[test]
fn r17_several_reads_wait_for_one_that_was_dropped() {
    run(async || {
        for _ in 0..100 {
            let (stream, mut peer) = pair();
            let mut dropped = Box::pin(stream.read(vec![0; 1]));
            start(dropped.as_mut()).await;
            peer.write_all(b"abc").unwrap();
            drop(dropped);
            let three = [1, 1, 1].map(|length| stream.read(vec![0; length]));
            let mut bytes = Vec::new();
            for (result, buffer) in futures_util::future::join_all(three).await {
                assert_eq!(result.unwrap(), 1);
                bytes.extend(buffer);
            }
            bytes.sort_unstable();
            assert_eq!(bytes, b"abc");
        }
    });
}

/// The first of them is not polled: the other one goes on.
#[test]
fn r17_a_read_that_nobody_polls_is_not_waited_for() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut dropped = Box::pin(stream.read(vec![0; 1]));
        start(dropped.as_mut()).await;
        drop(dropped);
        let unpolled = Arc::new(Count::default());
        let mut idle = Box::pin(stream.read(vec![0; 1]));
        assert!(poll_counted(idle.as_mut(), &unpolled).is_pending());
        let mut read = Box::pin(stream.read(vec![0; 1]));
        assert!(poll_once(read.as_mut()).await.is_pending());
        peer.write_all(b"a").unwrap();
        assert_eq!(read.await.0.unwrap(), 1);
        assert_eq!(unpolled.get(), 1, "it was told as well");
    });
}

/// A waiting read is dropped as well, and so on: the last one gets everything.
#[test]
fn r17_a_chain_of_dropped_reads() {
    run(async || {
        let (stream, mut peer) = pair();
        for round in 0..100 {
            for length in 1..8 {
                let mut read = Box::pin(stream.read(vec![0; length]));
                assert!(poll_once(read.as_mut()).await.is_pending());
                if length % 2 == 0 {
                    yield_now().await;
                }
            }
            peer.write_all(&[round; 16]).unwrap();
            let (result, buffer) = stream.read_exact(vec![0; 16]).await;
            result.unwrap();
            assert_eq!(buffer, [round; 16]);
        }
    });
}

/// A read that never entered the kernel takes nothing, and no task waits for it.
#[test]
fn r17_a_read_that_never_entered_leaves_the_bytes_to_the_kernel() {
    let stats = run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"abc").unwrap();
        assert!(poll_once(pin!(stream.read(vec![0; 8]))).await.is_pending());
        let before = submitted();
        let (result, _) = stream.read(vec![0; 8]).await;
        assert_eq!(result.unwrap(), 3);
        assert_eq!(submitted(), before + 1);
    });
    assert_eq!((stats.withdrawn, stats.resumed), (1, 0), "{stats:?}");
}

/// A future that was never polled has nothing of its stream, also when it is forgotten.
#[test]
fn b8_forgotten_futures_that_never_began_hold_nothing() {
    run(async || {
        let (stream, _peer) = pair();
        std::mem::forget(stream.read(vec![0; 8]));
        std::mem::forget(stream.write(vec![0; 8]));
        std::mem::forget(stream.write_all(vec![0; 8]));
        std::mem::forget(stream.read_exact(vec![0; 8]));
        stream.close().await.unwrap();
    });
}

/// A combinator that polls others first, which spend the turn, does not starve an empty one.
#[test]
fn r18_empty_buffers_get_on_beside_a_loop() {
    run(async || {
        let (stream, _peer) = pair();
        let mut read = pin!(stream.read(Vec::new()));
        let mut write = pin!(stream.write_all(Vec::new()));
        let (mut polls, mut done) = (0, (false, false));
        poll_fn(|cx| {
            polls += 1;
            assert!(polls < 100, "they starve: {done:?}");
            while pin!(consume_budget()).poll(cx).is_ready() {}
            done.0 = done.0 || read.as_mut().poll(cx).is_ready();
            done.1 = done.1 || write.as_mut().poll(cx).is_ready();
            if done == (true, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
}

/// A read that waits for one dropped read, and when it comes back for another, is woken by both.
#[test]
fn r17_a_read_waits_for_one_dropped_read_after_the_other() {
    run(async || {
        let (stream, mut peer) = pair();
        let dropped = async || {
            let mut read = pin!(stream.read(vec![0; 8]));
            assert!(poll_once(read.as_mut()).await.is_pending());
            turn().await;
        };
        dropped().await;
        let mut waiting = pin!(stream.read(vec![0; 8]));
        let first = Arc::new(Count::default());
        assert!(poll_counted(waiting.as_mut(), &first).is_pending());
        until_woken(&first).await;
        // Before it is polled again.
        dropped().await;
        let second = Arc::new(Count::default());
        assert!(poll_counted(waiting.as_mut(), &second).is_pending());
        until_woken(&second).await;
        peer.write_all(b"x").unwrap();
        assert_eq!(waiting.await.0.unwrap(), 1);
    });
}
