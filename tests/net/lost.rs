//! `Stats::lost`: results that no code hears of, apart from the closes of what was dropped.

use super::{answered, run, start};
use crate::support::{pair, turn};
use std::io::Write;

#[test]
fn a_dropped_socket_is_not_lost() {
    let stats = run(async || {
        for _ in 0..10 {
            drop(pair());
            turn().await;
        }
    });
    assert_eq!((stats.discarded, stats.lost), (10, 0), "{stats:?}");
}

#[test]
fn a_read_that_was_dropped_without_an_answer_is_not_lost() {
    let stats = run(async || {
        let (stream, _peer) = pair();
        let mut read = Box::pin(stream.read(vec![0; 8]));
        start(read.as_mut()).await;
        drop(read);
        turn().await;
    });
    // The read, and the close of the stream.
    assert_eq!((stats.discarded, stats.lost), (2, 0), "{stats:?}");
}

#[test]
fn a_send_that_was_dropped_when_it_had_sent_is_lost() {
    let stats = run(async || {
        let (stream, _peer) = pair();
        drop(answered(stream.write("hello"), || ()).await);
        turn().await;
    });
    assert_eq!((stats.discarded, stats.lost), (2, 1), "{stats:?}");
}

/// Its look for the end was answered as well, and is no loss.
#[test]
fn a_stream_that_is_dropped_at_its_end_is_not_lost() {
    let stats = run(async || {
        for _ in 0..10 {
            let (stream, mut peer) = pair();
            let mut leases = stream.recv_stream();
            start(Box::pin(leases.next()).as_mut()).await;
            peer.write_all(b"the last").unwrap();
            drop(peer);
            turn().await;
            turn().await;
            assert_eq!(&leases.next().await.unwrap()[..], b"the last");
            assert!(leases.next().await.unwrap().is_empty());
        }
    });
    assert_eq!(stats.lost, 0, "{stats:?}");
}
