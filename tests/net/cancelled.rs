//! Cancelled scopes: what is left there outlives them, and nothing hangs.

use crate::support::{pair, poll_once, turn};
use crate::{answered, at_once, connect, listener, run, start};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::net::transferred;
use nestling::{is_cancelled, nursery, timeout};
use std::cell::Cell;
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

/// A child is cut with a receive in flight, which had won: the stream lives on, and has the bytes.
#[test]
fn r17_a_cut_child_leaves_its_bytes() {
    run(async || {
        let (stream, mut peer) = pair();
        let result = nursery(async |n| {
            n.spawn(async {
                let _read = answered(stream.read(vec![0; 8]), || peer.write_all(b"abc").unwrap());
                let _read = _read.await;
                n.cancel();
                std::future::pending::<()>().await;
                Ok(())
            });
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        let (result, buffer) = at_once(stream.read(vec![0; 8])).await;
        assert_eq!(&buffer[..result.unwrap()], b"abc");
    });
}

/// Trap 4: `read_exact` is cancelled in its second receive. What had come is in its buffer, and not
/// in the stream as well.
#[test]
fn r17_a_cancelled_read_exact_has_its_bytes_and_the_stream_has_not() {
    run(async || {
        let (stream, mut peer) = pair();
        let result = nursery(async |n| {
            let child = n.spawn(async {
                let (result, buffer) = stream.read_exact(vec![0; 8]).await;
                let error = result.unwrap_err();
                assert!(is_cancelled(&error));
                assert_eq!((transferred(&error), &buffer[..3]), (Some(3), &b"abc"[..]));
            });
            turn().await;
            peer.write_all(b"abc").unwrap();
            turn().await;
            turn().await;
            n.cancel();
            child.await.map_err(io::Error::from)
        });
        result.await.unwrap();
        peer.write_all(b"de").unwrap();
        let (result, buffer) = stream.read(vec![0; 8]).await;
        assert_eq!(&buffer[..result.unwrap()], b"de");
    });
}

/// Its first receive wins against the cancel, the second one is a drop point: the stream has all.
#[test]
fn r17_a_read_exact_cut_between_receives_leaves_its_bytes() {
    run(async || {
        let (stream, mut peer) = pair();
        let result = nursery(async |n| {
            n.spawn(async {
                let read = stream.read_exact(vec![0; 8]);
                let read = answered(read, || peer.write_all(b"abc").unwrap()).await;
                n.cancel();
                let _ = read.await;
                panic!("the second receive never starts");
            });
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
        let (result, buffer) = at_once(stream.read(vec![0; 8])).await;
        assert_eq!(&buffer[..result.unwrap()], b"abc");
    });
}

/// Rule 6: what was left is no reason to go on in a cancelled scope.
#[test]
fn r17_what_was_left_is_behind_a_drop_point() {
    run(async || {
        let (stream, mut peer) = pair();
        let (listener, address) = listener();
        let mut client = None;
        drop(answered(stream.read(vec![0; 8]), || peer.write_all(b"abc").unwrap()).await);
        drop(answered(listener.accept(), || client = Some(connect(address))).await);
        let ended = Cell::new(0);
        let result = nursery(async |n| {
            n.cancel();
            let inner = async |kind| {
                match kind {
                    0 => drop(stream.read(vec![0; 8]).await),
                    1 => drop(stream.read_exact(vec![0; 2]).await),
                    _ => drop(listener.accept().await),
                }
                ended.set(ended.get() + 1);
            };
            futures_util::future::join_all([0, 1, 2].map(inner)).await;
            Ok::<_, io::Error>(())
        });
        assert!(is_cancelled(&result.await.unwrap_err()));
        assert_eq!(ended.get(), 0);
        assert_eq!(at_once(stream.read(vec![0; 8])).await.0.unwrap(), 3);
        at_once(listener.accept()).await.unwrap();
    });
}

/// Rule 3: a read that waits for one that was dropped has not entered the kernel, and is resolved
/// without: its error says so, and its buffer comes back.
#[test]
fn r17_a_cancelled_read_that_waits_is_resolved() {
    run(async || {
        for foreign in [false, true] {
            let (stream, _peer) = pair();
            let told = Cell::new(0);
            let result = nursery(async |n| {
                n.spawn(async {
                    let mut dropped = Box::pin(stream.read(vec![0; 8]));
                    start(dropped.as_mut()).await;
                    drop(dropped);
                    let waiting = async {
                        let (result, buffer) = stream.read(vec![7; 8]).await;
                        assert!(is_cancelled(&result.unwrap_err()));
                        assert_eq!(buffer, [7; 8]);
                        told.set(told.get() + 1);
                        let (result, buffer) = stream.read_exact(vec![7; 8]).await;
                        panic!("a drop point: {result:?} {buffer:?}");
                    };
                    let cancel = async {
                        assert!(poll_once(pin!(stream.read(vec![0; 8]))).await.is_pending());
                        n.cancel();
                    };
                    match foreign {
                        false => drop(futures_util::future::join(waiting, cancel).await),
                        true => {
                            let both: [std::pin::Pin<Box<dyn Future<Output = ()>>>; 2] =
                                [Box::pin(waiting), Box::pin(cancel)];
                            let mut both = FuturesUnordered::from_iter(both);
                            while both.next().await.is_some() {}
                        }
                    }
                    Ok(())
                });
                Ok::<_, io::Error>(())
            });
            result.await.unwrap();
            assert_eq!(told.get(), 1, "foreign: {foreign}");
        }
    });
}

/// The time is up while a read waits for one that was dropped: the buffer comes back.
#[test]
fn r17_a_deadline_of_a_read_that_waits() {
    run(async || {
        let (stream, _peer) = pair();
        let mut dropped = Box::pin(stream.read(vec![0; 8]));
        start(dropped.as_mut()).await;
        drop(dropped);
        let (result, buffer) = timeout(Duration::ZERO, stream.read(vec![7; 8])).await.unwrap();
        assert!(is_cancelled(&result.unwrap_err()));
        assert_eq!(buffer, [7; 8]);
    });
}

/// A cancelled accept takes its own answer, and leaves what is parked to those who go on.
#[test]
fn r17_a_parked_connection_goes_to_who_is_not_cancelled() {
    run(async || {
        let (listener, address) = listener();
        let mut dropped = None;
        let mut client = None;
        let result = nursery(async |n| {
            let child = n.spawn(async { listener.accept().await.map(drop) });
            let connect = || client = Some(connect(address));
            // This one is the first in line, as it began before the child.
            dropped = Some(answered(listener.accept(), connect).await);
            drop(dropped.take());
            n.cancel();
            Ok::<_, io::Error>(child.await)
        });
        assert!(result.await.unwrap().is_err());
        let (_server, peer) = at_once(listener.accept()).await.unwrap();
        assert_eq!(peer, client.unwrap().local_addr().unwrap());
    });
}
