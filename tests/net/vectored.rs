//! Reads and writes of several buffers, and looks at what comes next.
//!
//! | | `readv` | `writev` | `peek` |
//! |---|---|---|---|
//! | success, short | `a_readv_fills_…` | `a_writev_that_…` | `a_peek_leaves_…` |
//! | error | `a_reset_…` | `a_reset_…` | `a_reset_…` |
//! | cancelled in flight | `b1_a_cancelled_…` | `b1_a_cancelled_…` | `b1_a_cancelled_…` |
//! | dropped | `r17_a_dropped_readv_…` | `e10_a_dropped_…` | `a_dropped_peek_…` |
//! | raced | `r17_an_answered_…` | `e10_a_dropped_…` | `a_dropped_peek_…` |
//! | resumed | `r17_an_answered_…` | nothing comes | `r17_a_peek_…` |

use crate::support::sockets::fill_send_side;
use crate::support::{pair, tcp_pair};
use crate::{answered, at_once, run, start, submitted};
use nestling::{is_cancelled, nursery};
use std::future::Future;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

#[test]
fn a_readv_fills_one_after_the_other() {
    run(async || {
        let (stream, mut peer) = pair();
        peer.write_all(b"abcdefg").unwrap();
        let buffers = vec![vec![0; 2], Vec::new(), Vec::with_capacity(3), vec![9; 5]];
        let (result, buffers) = stream.readv(buffers).await;
        assert_eq!(result.unwrap(), 7);
        assert_eq!(buffers, [&b"ab"[..], b"", b"cde", b"fg\x09\x09\x09"]);
        drop(peer);
        assert_eq!(stream.readv(buffers).await.0.unwrap(), 0, "the end");
    });
}

#[test]
fn an_empty_readv_does_not_wait() {
    run(async || {
        let (stream, _peer) = pair();
        assert_eq!(at_once(stream.readv(Vec::<Vec<u8>>::new())).await.0.unwrap(), 0);
        assert_eq!(at_once(stream.readv(vec![Vec::new(); 3])).await.0.unwrap(), 0);
        assert_eq!(at_once(stream.peek(Vec::new())).await.0.unwrap(), 0);
        assert_eq!(stream.writev(Vec::<Vec<u8>>::new()).await.0.unwrap(), 0);
    });
}

/// More than one call takes: the kernel would refuse all of them.
#[test]
fn b1_of_too_many_buffers_the_first_are_taken() {
    run(async || {
        let (stream, mut peer) = pair();
        let (result, buffers) = stream.writev(vec![b"x".to_vec(); 2000]).await;
        assert_eq!((result.unwrap(), buffers.len()), (1024, 2000));
        peer.read_exact(&mut [0; 1024]).unwrap();
        peer.write_all(&[7; 2000]).unwrap();
        let (result, buffers) = stream.readv(vec![vec![0; 1]; 2000]).await;
        assert_eq!(result.unwrap(), 1024);
        assert!(buffers[..1024].iter().all(|buffer| buffer == &[7]));
        assert!(buffers[1024..].iter().all(|buffer| buffer == &[0]));
    });
}

#[test]
fn a_writev_that_is_short_says_so() {
    run(async || {
        let (stream, mut peer) = pair();
        let long = vec![vec![1; 1 << 20], vec![2; 1 << 20]];
        let (result, buffers) = stream.writev(long).await;
        let sent = result.unwrap();
        assert!(sent > 0 && sent < 2 << 20, "{sent}");
        assert_eq!(buffers[1], vec![2; 1 << 20]);
        stream.close().await.unwrap();
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).unwrap();
        assert_eq!(rest.len(), sent);
    });
}

#[test]
fn a_reset_is_the_error_of_each() {
    run(async || {
        for which in 0..3 {
            let (stream, peer) = tcp_pair("127.0.0.1:0").await;
            socket2::SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
            drop(peer);
            let result = match which {
                0 => stream.readv(vec![vec![0; 2]; 2]).await.0,
                1 => stream.peek(vec![0; 2]).await.0,
                _ => stream.writev(vec![vec![0; 2]; 2]).await.0,
            };
            let kind = result.unwrap_err().kind();
            let expected = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(expected.contains(&kind), "{which}: {kind}");
        }
    });
}

/// Waits until a nursery is cancelled, and returns what the future said.
async fn cancelled_in_flight<T>(future: impl Future<Output = T>) -> T {
    let result = nursery(async |n| {
        let child = n.spawn(async { Ok::<_, io::Error>(future.await) });
        crate::support::turn().await;
        crate::support::turn().await;
        n.cancel();
        child.await.map_err(io::Error::from)
    });
    result.await.unwrap()
}

/// The buffers come back with the error.
#[test]
fn b1_a_cancelled_call_gives_its_buffers_back() {
    run(async || {
        let (stream, mut peer) = pair();
        let (result, buffers) = cancelled_in_flight(stream.readv(vec![vec![7; 2]; 2])).await;
        assert!(is_cancelled(&result.unwrap_err()));
        assert_eq!(buffers, [[7, 7], [7, 7]]);
        let (result, buffer) = cancelled_in_flight(stream.peek(vec![7; 2])).await;
        assert!(is_cancelled(&result.unwrap_err()));
        assert_eq!(buffer, [7, 7]);
        let filled = fill_send_side(&stream);
        let (result, buffers) = cancelled_in_flight(stream.writev(vec![vec![7; 2]; 2])).await;
        assert!(is_cancelled(&result.unwrap_err()));
        assert_eq!(buffers, [[7, 7], [7, 7]]);
        stream.close().await.unwrap();
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), filled, "nothing of the cancelled one was sent");
    });
}

#[test]
fn e10_a_dropped_writev_sends_all_or_nothing_of_what_the_kernel_took() {
    run(async || {
        let (stream, mut peer) = pair();
        let filled = fill_send_side(&stream);
        let mut write = Box::pin(stream.writev(vec![vec![7; 2]; 2]));
        start(write.as_mut()).await;
        drop(write);
        stream.close().await.unwrap();
        crate::support::turn().await;
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        assert!(all.len() == filled || all.len() == filled + 4, "{} of {filled}", all.len());
    });
}

/// The answer was there when it was dropped: all of it is the next one's, of either kind.
#[test]
fn r17_an_answered_readv_leaves_its_bytes() {
    let stats = run(async || {
        let (stream, mut peer) = pair();
        for vectored in [true, false] {
            let read = stream.readv(vec![vec![0; 2], vec![0; 1], vec![0; 8]]);
            drop(answered(read, || peer.write_all(b"abcde").unwrap()).await);
            let before = submitted();
            let bytes = if vectored {
                let (result, buffers) = at_once(stream.readv(vec![vec![0; 3]; 3])).await;
                assert_eq!(result.unwrap(), 5);
                buffers.concat()
            } else {
                at_once(stream.read(vec![0; 8])).await.1
            };
            assert_eq!(&bytes[..5], b"abcde");
            assert_eq!(submitted(), before, "the kernel was not asked");
        }
    });
    assert_eq!(stats.resumed, 2, "{stats:?}");
}

#[test]
fn r17_a_dropped_readv_is_waited_for() {
    run(async || {
        let (stream, mut peer) = pair();
        let mut read = Box::pin(stream.readv(vec![vec![0; 2]; 2]));
        start(read.as_mut()).await;
        peer.write_all(b"abcde").unwrap();
        drop(read);
        assert_eq!(stream.read_exact(vec![0; 5]).await.1, b"abcde");
    });
}

/// One byte of what was kept is left over for the kernel's to come after.
#[test]
fn r17_a_readv_takes_a_part_of_what_was_left() {
    run(async || {
        let (stream, mut peer) = pair();
        drop(answered(stream.read(vec![0; 8]), || peer.write_all(b"abcde").unwrap()).await);
        let (result, buffers) = stream.readv(vec![vec![0; 1], Vec::new(), vec![0; 3]]).await;
        assert_eq!((result.unwrap(), buffers.concat()), (4, b"abcd".to_vec()));
        peer.write_all(b"f").unwrap();
        let (result, buffers) = stream.readv(vec![vec![0; 4]]).await;
        assert_eq!((result.unwrap(), buffers[0][0]), (1, b'e'));
    });
}

#[test]
fn a_peek_leaves_what_it_sees() {
    run(async || {
        let (stream, mut peer) = pair();
        let peek = answered(stream.peek(vec![0; 3]), || peer.write_all(b"abcde").unwrap()).await;
        let (result, buffer) = peek.await;
        assert_eq!((result.unwrap(), &buffer[..]), (3, &b"abc"[..]));
        assert_eq!(stream.peek(vec![0; 8]).await.0.unwrap(), 5);
        assert_eq!(stream.read_exact(vec![0; 5]).await.1, b"abcde");
        drop(peer);
        assert_eq!(stream.peek(vec![0; 8]).await.0.unwrap(), 0, "the end");
    });
}

#[test]
fn a_dropped_peek_loses_nothing() {
    run(async || {
        let (stream, mut peer) = pair();
        drop(answered(stream.peek(vec![0; 3]), || peer.write_all(b"abc").unwrap()).await);
        assert_eq!(stream.read_exact(vec![0; 3]).await.1, b"abc");
        let mut peek = Box::pin(stream.peek(vec![0; 3]));
        start(peek.as_mut()).await;
        drop(peek);
        peer.write_all(b"def").unwrap();
        assert_eq!(stream.read_exact(vec![0; 3]).await.1, b"def");
    });
}

#[test]
fn r17_a_peek_sees_what_was_left_first() {
    run(async || {
        let (stream, mut peer) = pair();
        drop(answered(stream.read(vec![0; 8]), || peer.write_all(b"ab").unwrap()).await);
        peer.write_all(b"cd").unwrap();
        let before = submitted();
        let (result, buffer) = at_once(stream.peek(vec![0; 8])).await;
        assert_eq!((result.unwrap(), &buffer[..2]), (2, &b"ab"[..]));
        assert_eq!(submitted(), before, "the kernel was not asked");
        assert_eq!(stream.read_exact(vec![0; 4]).await.1, b"abcd");
    });
}
