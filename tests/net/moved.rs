//! Streams that move to another core take along what reads that were dropped have received.

use crate::support::{pair, poll_once, sees_the_end};
use crate::{Crowd, alone, answered, connect, listener, run, start, submitted};
use nestling::net::{Detached, TcpStream};
use std::io::{ErrorKind, Read, Write};
use std::pin::pin;
use std::thread;

/// Does something with a stream in another runtime, on a thread of its own.
fn elsewhere<T: Send>(connection: Detached, act: impl AsyncFnOnce(TcpStream) -> T + Send) -> T {
    thread::scope(|threads| {
        let there = threads.spawn(|| nestling::block_on(async { act(connection.attach()).await }));
        there.join().expect("it does not panic")
    })
}

/// Reads to the end.
async fn all(stream: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let (result, buffer) = stream.read(vec![0; 4]).await;
        match result.expect("bytes, or the end") {
            0 => return all,
            length => all.extend(&buffer[..length]),
        }
    }
}

#[test]
fn r17_bytes_of_a_dropped_read_move_along() {
    let stats = run(async || {
        let (stream, mut peer) = pair();
        let write = || peer.write_all(b"hello ").unwrap();
        drop(answered(stream.read(vec![0; 64]), write).await);
        peer.write_all(b"world").unwrap();
        let before = submitted();
        let connection = stream.detach().await;
        assert_eq!(submitted(), before, "the kernel was not asked");
        drop(peer);
        assert_eq!(elsewhere(connection, all), b"hello world");
    });
    assert_eq!(stats.resumed, 1, "{stats:?}");
}

/// It may still receive the first bytes. Both orders: the bytes win against the cancel, or are left
/// to the next.
#[test]
fn r17_a_stream_does_not_move_before_its_dropped_read_has_ended() {
    for wins in [false, true] {
        let stats = run(async || {
            for _ in 0..100 {
                let (stream, mut peer) = pair();
                let mut dropped = Box::pin(stream.read(vec![0; 1]));
                start(dropped.as_mut()).await;
                let mut crowd = Crowd::new().await;
                peer.write_all(b"ab").unwrap();
                crowd.cancel(wins);
                drop(dropped);
                let mut detach = Box::pin(stream.detach());
                assert!(poll_once(detach.as_mut()).await.is_pending(), "it waits");
                let stream = detach.await.attach();
                drop(peer);
                assert_eq!(all(stream).await, b"ab");
            }
        });
        assert_eq!(stats.resumed, if wins { 100 } else { 0 }, "{stats:?}");
    }
}

#[test]
fn r17_an_error_of_a_dropped_read_moves_along() {
    run(async || {
        let (listener, address) = listener();
        let peer = connect(address);
        let (stream, _) = listener.accept().await.unwrap();
        let reset = || {
            socket2::SockRef::from(&peer).set_linger(Some(std::time::Duration::ZERO)).unwrap();
            drop(peer);
        };
        drop(answered(stream.read(vec![0; 8]), reset).await);
        let connection = stream.detach().await;
        let results = elsewhere(connection, async |stream| {
            (stream.read(vec![0; 8]).await.0, stream.read(vec![0; 8]).await.0)
        });
        assert_eq!(results.0.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(results.1.unwrap(), 0);
    });
}

/// From core to core and on, with more unread each time.
#[test]
fn r17_a_stream_moves_several_times() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut connection = stream.detach().await;
        for round in 0..10 {
            peer.write_all(&[round; 3]).unwrap();
            connection = elsewhere(connection, async |stream| {
                let mut read = Box::pin(stream.read_exact(vec![0; 100]));
                start(read.as_mut()).await;
                drop(read);
                stream.detach().await
            });
        }
        drop(peer);
        let bytes: Vec<_> = (0..10).flat_map(|round| [round; 3]).collect();
        assert_eq!(elsewhere(connection, all), bytes);
    });
}

/// Some of its bytes may have gone; what is sent over there comes after them.
#[test]
fn a_stream_does_not_move_before_its_dropped_write_has_ended() {
    run(async || {
        let (stream, mut peer) = pair();
        let before = crate::descriptors();
        loop {
            let mut write = Box::pin(stream.write(vec![7; 1 << 16]));
            start(write.as_mut()).await;
            if poll_once(write.as_mut()).await.is_pending() {
                break;
            }
        }
        let mut detach = pin!(stream.detach());
        assert!(poll_once(detach.as_mut()).await.is_pending(), "it waits");
        let connection = detach.await;
        assert_eq!(crate::descriptors(), before, "nothing was duplicated");
        let reads = thread::spawn(move || {
            let mut bytes = Vec::new();
            peer.read_to_end(&mut bytes).map(|_| bytes)
        });
        elsewhere(connection, async |stream| stream.write_all("end").await.0.unwrap());
        let bytes = reads.join().expect("it does not panic").unwrap();
        let (first, last) = bytes.split_at(bytes.len() - 3);
        assert!(first.iter().all(|byte| *byte == 7));
        assert_eq!(last, b"end");
    });
}

#[test]
fn r15_a_move_that_is_given_up_closes_the_connection() {
    alone(|| {
        let mut peer = nestling::block_on(async {
            let (stream, peer) = pair();
            let mut read = Box::pin(stream.read(vec![0; 1]));
            start(read.as_mut()).await;
            drop(read);
            let mut detach = Box::pin(stream.detach());
            assert!(poll_once(detach.as_mut()).await.is_pending());
            peer
        });
        assert!(sees_the_end(&mut peer));
    });
}
