//! The end of a stream, errors, and streams that end with something unread.

use crate::support::sockets::reset;
use crate::support::{descriptors, pair, poll_once, sees_the_end, tcp_pair, turn};
use crate::{Crowd, answered, at_once, run, start};
use nestling::net::transferred;
use nestling::nursery;
use std::io::{self, ErrorKind, Write};

/// The kernel tells of a reset once. If it told a read that was dropped, the next one hears it.
#[test]
fn r17_a_reset_is_not_lost() {
    run(async || {
        for _ in 0..50 {
            let (stream, peer) = tcp_pair("127.0.0.1:0").await;
            drop(answered(stream.read(vec![0; 8]), || reset(peer)).await);
            assert!(stream.take_error().unwrap().is_none(), "the read took it");
            let (result, _) = at_once(stream.read(vec![0; 8])).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
            assert_eq!(stream.read(vec![0; 8]).await.0.unwrap(), 0);
        }
    });
}

/// The same in flight: the reset comes before the cancel, or is left to the socket.
#[test]
fn r17_a_reset_that_races_the_cancel_is_not_lost() {
    for wins in [false, true] {
        let stats = run(async || {
            for _ in 0..100 {
                let (stream, peer) = tcp_pair("127.0.0.1:0").await;
                let mut dropped = Box::pin(stream.read(vec![0; 8]));
                start(dropped.as_mut()).await;
                let mut crowd = Crowd::new().await;
                reset(peer);
                crowd.cancel(wins);
                drop(dropped);
                let (result, _) = stream.read(vec![0; 8]).await;
                assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionReset);
            }
        });
        assert_eq!(stats.resumed, if wins { 100 } else { 0 }, "{stats:?}");
    }
}

/// Bytes that came before an error are read before it, and `read_exact` counts them.
#[test]
fn r17_bytes_come_before_the_error() {
    run(async || {
        for exact in [false, true] {
            let (stream, mut peer) = tcp_pair("127.0.0.1:0").await;
            let bytes = answered(stream.read(vec![0; 8]), || peer.write_all(b"abc").unwrap()).await;
            let error = answered(stream.read(vec![0; 8]), || reset(peer)).await;
            drop(bytes);
            drop(error);
            let error = if exact {
                let (result, buffer) = at_once(stream.read_exact(vec![0; 8])).await;
                let error = result.unwrap_err();
                assert_eq!((transferred(&error), &buffer[..3]), (Some(3), &b"abc"[..]));
                error
            } else {
                assert_eq!(at_once(stream.read(vec![0; 8])).await.0.unwrap(), 3);
                at_once(stream.read(vec![0; 8])).await.0.unwrap_err()
            };
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            assert_eq!(stream.read(vec![0; 8]).await.0.unwrap(), 0);
        }
    });
}

#[test]
fn r17_the_end_of_the_stream_is_not_lost() {
    run(async || {
        let (stream, mut peer) = pair();
        let bytes = answered(stream.read(vec![0; 8]), || peer.write_all(b"abc").unwrap()).await;
        let end = answered(stream.read(vec![0; 8]), || drop(peer)).await;
        drop(bytes);
        drop(end);
        for expected in [3, 0, 0] {
            assert_eq!(stream.read(vec![0; 8]).await.0.unwrap(), expected);
        }
    });
}

/// No task will read what was left: it goes with the stream, which is closed as ever.
#[test]
fn r17_a_stream_that_ends_with_something_unread_is_closed() {
    run(async || {
        for ending in 0..4 {
            let before = descriptors().len();
            let (stream, mut peer) = pair();
            let result = nursery(async |n| {
                n.spawn(async {
                    let mut read = Box::pin(stream.read(vec![0; 8]));
                    start(read.as_mut()).await;
                    peer.write_all(b"abc").unwrap();
                    if ending % 2 == 0 {
                        turn().await;
                        turn().await;
                    }
                    drop(read);
                    if ending < 2 {
                        drop(stream);
                    } else {
                        stream.close().await?;
                    }
                    Ok(())
                });
                Ok::<_, io::Error>(())
            });
            result.await.unwrap();
            assert_eq!(descriptors().len(), before + 1, "the peer's, after ending {ending}");
            assert!(sees_the_end(&mut peer));
        }
    });
}

/// The standard library would not see what was left: it does not get the stream.
#[test]
fn r17_into_std_loses_nothing_in_silence() {
    run(async || {
        let (stream, mut peer) = pair();
        drop(answered(stream.read(vec![0; 8]), || peer.write_all(b"abc").unwrap()).await);
        let error = stream.into_std().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().contains("3 bytes"), "{error}");
        turn().await;
        assert!(sees_the_end(&mut peer));
    });
}

#[test]
fn r17_into_std_waits_for_reads_that_were_dropped() {
    run(async || {
        let (stream, _peer) = pair();
        let mut read = Box::pin(stream.read(vec![0; 8]));
        start(read.as_mut()).await;
        drop(read);
        let error = stream.into_std().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        assert!(error.to_string().contains("in flight"), "{error}");
    });
}

#[test]
fn r17_into_std_tells_of_a_reset() {
    run(async || {
        let (stream, peer) = tcp_pair("127.0.0.1:0").await;
        drop(answered(stream.read(vec![0; 8]), || reset(peer)).await);
        assert_eq!(stream.into_std().unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn r17_into_std_gives_a_stream_that_has_been_read() {
    run(async || {
        let (stream, mut peer) = pair();
        drop(answered(stream.read(vec![0; 8]), || peer.write_all(b"abc").unwrap()).await);
        assert_eq!(stream.read(vec![0; 8]).await.0.unwrap(), 3);
        let mut dropped = Box::pin(stream.read(vec![0; 8]));
        assert!(poll_once(dropped.as_mut()).await.is_pending());
        drop(dropped);
        let mut stream = stream.into_std().unwrap();
        peer.write_all(b"de").unwrap();
        let mut buffer = [0; 2];
        io::Read::read_exact(&mut stream, &mut buffer).unwrap();
        assert_eq!(&buffer, b"de");
    });
}
