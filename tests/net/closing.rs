//! Closing while operations are in flight, and numbers that are used again.

use crate::support::{descriptors, pair, poll_once, sees_the_end, turn};
use crate::{alone, assert_balanced};
use nestling::net::TcpStream;
use nestling::task::yield_now;
use nestling::{Runtime, nursery};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::pin::pin;

/// A close in the middle of a receive, whose future is dropped: the peer sees the end, and nothing
/// that it sends reaches the socket that has the number next.
#[test]
fn b8_close_after_dropped_read_reaches_the_peer() {
    alone(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(yield_now());
        let before = descriptors();
        runtime.block_on(async {
            for _ in 0..200 {
                let (stream, mut peer) = pair();
                {
                    let mut read = pin!(stream.read(vec![0; 64]));
                    assert!(poll_once(read.as_mut()).await.is_pending());
                    yield_now().await;
                }
                stream.close().await.unwrap();
                assert!(sees_the_end(&mut peer));
            }
        });
        assert_eq!(descriptors(), before);
        assert_eq!(assert_balanced(&runtime).cancel_requests, 200);
    });
}

/// The same for a stream that is dropped: the ring closes it after the receive has ended, and the
/// nursery around it ends after that.
#[test]
fn b8_number_is_not_used_again_while_in_flight() {
    alone(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(yield_now());
        let before = descriptors();
        runtime.block_on(async {
            for _ in 0..200 {
                let (stream, mut peer) = pair();
                let number = stream.as_raw_fd();
                {
                    let mut read = pin!(stream.read(vec![0; 64]));
                    assert!(poll_once(read.as_mut()).await.is_pending());
                    yield_now().await;
                }
                drop(stream);
                // The receive is still with the kernel: its number must not be given away.
                let (other, _others_peer) = UnixStream::pair().unwrap();
                assert_ne!(other.as_raw_fd(), number);
                peer.write_all(b"for whom?").unwrap();
                drop(other);
                while !gone(&mut peer) {
                    yield_now().await;
                }
            }
        });
        assert_eq!(descriptors(), before);
        assert_balanced(&runtime);
    });
}

/// Whether the other end of a local socket is closed, without waiting for it.
fn gone(peer: &mut UnixStream) -> bool {
    peer.set_nonblocking(true).unwrap();
    match peer.read(&mut [0; 64]) {
        Ok(0) => true,
        Ok(_) => panic!("nobody sent anything"),
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    }
}

/// A stream whose receive was dropped in one child is closed in the nursery's time.
#[test]
fn b8_nursery_ends_after_its_sockets_are_closed() {
    alone(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            yield_now().await;
            let before = descriptors();
            let peers = nursery(async |n| {
                let mut peers = Vec::new();
                for _ in 0..100 {
                    let (stream, peer) = pair();
                    peers.push(peer);
                    n.spawn(async move { stream.read(vec![0; 64]).await.0.map(drop) });
                }
                turn().await;
                n.cancel();
                Ok::<_, io::Error>(peers)
            });
            let peers = peers.await.unwrap();
            assert_eq!(descriptors().len(), before.len() + peers.len());
            for mut peer in peers {
                assert!(gone(&mut peer), "closed before the nursery returned");
            }
        });
        assert_balanced(&runtime);
    });
}

/// A write is queued, its socket dropped, and another one opened, which would get the number: what
/// was queued must not go there. (The write is kept, so it has to arrive where it was meant to.)
#[test]
fn b9_queued_write_goes_to_its_own_socket() {
    alone(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            for _ in 0..200 {
                let (meant, mut meant_peer) = pair();
                let number = meant.as_raw_fd();
                let mut write = Box::pin(async move { meant.write(b"for A".to_vec()).await.0 });
                assert!(poll_once(write.as_mut()).await.is_pending());
                let (other, mut other_peer) = UnixStream::pair().unwrap();
                assert_ne!(other.as_raw_fd(), number, "the write holds its number");
                assert_eq!(write.await.unwrap(), 5);
                drop(other);
                let mut bytes = Vec::new();
                other_peer.read_to_end(&mut bytes).unwrap();
                assert!(bytes.is_empty());
                meant_peer.read_exact(&mut [0; 5]).unwrap();
            }
        });
        assert_balanced(&runtime);
    });
}

/// The same with the write dropped too: it never happens, anywhere.
#[test]
fn b9_withdrawn_write_goes_nowhere() {
    alone(|| {
        let mut runtime = Runtime::builder().build().unwrap();
        let before = descriptors();
        runtime.block_on(async {
            for _ in 0..200 {
                let (meant, mut meant_peer) = pair();
                let number = meant.as_raw_fd();
                {
                    let mut write = pin!(meant.write(b"for A".to_vec()));
                    assert!(poll_once(write.as_mut()).await.is_pending());
                }
                // Nothing of it is in the kernel: the number is free as soon as it is closed.
                drop(OwnedFd::from(meant.into_std().unwrap()));
                let (other, mut other_peer) = UnixStream::pair().unwrap();
                assert_eq!(other.as_raw_fd(), number, "the lowest number that is free");
                let other = nestling_stream(other);
                yield_now().await;
                other.close().await.unwrap();
                let mut bytes = Vec::new();
                other_peer.read_to_end(&mut bytes).unwrap();
                meant_peer.read_to_end(&mut bytes).unwrap();
                assert!(bytes.is_empty(), "a withdrawn write was done: {bytes:?}");
            }
        });
        assert_eq!(descriptors(), before);
        assert_eq!(assert_balanced(&runtime).withdrawn, 200);
    });
}

fn nestling_stream(socket: UnixStream) -> TcpStream {
    TcpStream::from_std(OwnedFd::from(socket).into()).unwrap()
}
