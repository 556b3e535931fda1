//! Futures that are forgotten in flight, which safe code may do.
//!
//! Each in a process of its own: what was forgotten holds its ring, and both stay to the end.

use crate::support::{pair, poll_once, sees_the_end, turn, turns};
use crate::{assert_balanced, by_itself, start};
use nestling::net::TcpListener;
use nestling::{Runtime, nursery};
use std::io::{self, Write};
use std::net;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;

/// A receive that was forgotten is in flight although its stream is gone: the number stays taken,
/// or the receive would be somebody else's by name.
#[test]
fn b8_number_of_a_forgotten_read_is_not_used_again() {
    by_itself("forgotten::b8_number_of_a_forgotten_read_is_not_used_again", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            let number = stream.as_raw_fd();
            let mut read = Box::pin(stream.read(vec![0; 64]));
            assert!(poll_once(read.as_mut()).await.is_pending());
            std::mem::forget(read);
            drop(stream);
            turn().await;
            let others: Vec<_> = (0..20).map(|_| UnixStream::pair().unwrap()).collect();
            let numbers = others.iter().flat_map(|(one, two)| [one.as_raw_fd(), two.as_raw_fd()]);
            assert!(!numbers.collect::<Vec<_>>().contains(&number));
            peer.write_all(b"for nobody").unwrap();
            turn().await;
        });
        assert_balanced(&runtime);
    });
}

/// The runtime ends with a forgotten receive in flight: it is cancelled, and its memory leaked.
#[test]
fn a7_runtime_ends_with_a_forgotten_read() {
    by_itself("forgotten::a7_runtime_ends_with_a_forgotten_read", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            for entered in [true, false] {
                let (stream, _peer) = pair();
                let mut read = Box::pin(stream.read(vec![0; 64]));
                assert!(poll_once(read.as_mut()).await.is_pending());
                if entered {
                    turn().await;
                }
                std::mem::forget(read);
            }
        });
        let stats = assert_balanced(&runtime);
        assert_eq!((stats.cancel_requests, stats.withdrawn), (1, 1), "{stats:?}");
    });
}

/// A nursery whose child has forgotten a receive ends when it is cancelled, and when it is not.
#[test]
fn a7_nursery_ends_with_a_forgotten_read() {
    by_itself("forgotten::a7_nursery_ends_with_a_forgotten_read", || {
        let mut runtime = Runtime::builder().build().unwrap();
        for cancel in [true, false] {
            let (stream, mut peer) = pair();
            let result = runtime.block_on(nursery(async |n| {
                n.spawn(async {
                    let mut read = Box::pin(stream.read(vec![0; 64]));
                    assert!(poll_once(read.as_mut()).await.is_pending());
                    turn().await;
                    std::mem::forget(read);
                    if cancel {
                        std::future::pending::<()>().await;
                    }
                });
                turn().await;
                turn().await;
                if cancel {
                    n.cancel();
                }
                Ok::<_, io::Error>(())
            }));
            result.unwrap();
            drop(stream);
            peer.set_nonblocking(true).unwrap();
            assert!(!sees_the_end(&mut peer), "what was forgotten holds the socket");
        }
        assert_balanced(&runtime);
    });
}

/// A receive that was forgotten is not one that was dropped: later ones do not wait for its end.
#[test]
fn r17_forgotten_read_holds_nobody_up() {
    by_itself("forgotten::r17_forgotten_read_holds_nobody_up", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let (stream, mut peer) = pair();
            let mut forgotten = Box::pin(stream.read(vec![0; 1]));
            assert!(poll_once(forgotten.as_mut()).await.is_pending());
            std::mem::forget(forgotten);
            turn().await;
            // One byte for each.
            peer.write_all(b"aa").unwrap();
            let (result, buffer) = stream.read(vec![0; 1]).await;
            assert_eq!((result.unwrap(), buffer[0]), (1, b'a'));
        });
        assert_balanced(&runtime);
    });
}

/// Turns in which the kernel accepts what has connected.
const ACCEPTING: usize = 4;

/// What accepts connections one after the other is forgotten: it keeps those that came for it,
/// before and after, and the listener's number. The runtime ends all the same.
#[test]
fn a7_runtime_ends_with_forgotten_incoming() {
    by_itself("forgotten::a7_runtime_ends_with_forgotten_incoming", || {
        let mut runtime = Runtime::builder().build().unwrap();
        let mut clients = Vec::new();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let number = listener.as_raw_fd();
            let mut incoming = listener.incoming();
            assert!(poll_once(pin!(incoming.next())).await.is_pending());
            turns(ACCEPTING).await;
            clients.extend([(); 2].map(|()| net::TcpStream::connect(address).unwrap()));
            turns(ACCEPTING).await;
            std::mem::forget(incoming);
            clients.push(net::TcpStream::connect(address).unwrap());
            turns(ACCEPTING).await;
            drop(listener);
            turns(ACCEPTING).await;
            let others: Vec<_> = (0..20).map(|_| UnixStream::pair().unwrap()).collect();
            let numbers = others.iter().flat_map(|(one, two)| [one.as_raw_fd(), two.as_raw_fd()]);
            assert!(!numbers.collect::<Vec<_>>().contains(&number));
        });
        let stats = assert_balanced(&runtime);
        assert_eq!((stats.cancel_requests, stats.discarded), (1, 0), "{stats:?}");
        drop(runtime);
        for client in &mut clients {
            client.set_nonblocking(true).unwrap();
            assert!(!sees_the_end(client), "what was forgotten holds the connection");
        }
    });
}

/// It accepts no more than may wait to be taken; the others come to an accept.
#[test]
fn g8_forgotten_incoming_takes_no_more_than_may_wait() {
    by_itself("forgotten::g8_forgotten_incoming_takes_no_more_than_may_wait", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let mut incoming = listener.incoming();
            assert!(poll_once(pin!(incoming.next())).await.is_pending());
            turns(ACCEPTING).await;
            std::mem::forget(incoming);
            let mut clients = Vec::new();
            for _ in 0..8 {
                clients.extend([(); 20].map(|()| net::TcpStream::connect(address).unwrap()));
                turns(ACCEPTING).await;
            }
            let (_first, peer) = listener.accept().await.unwrap();
            let address = |client: &net::TcpStream| client.local_addr().unwrap();
            let kept = clients.iter().position(|client| address(client) == peer).unwrap();
            assert!((64..120).contains(&kept), "{kept}");
            for client in &clients[kept + 1..] {
                assert_eq!(listener.accept().await.unwrap().1, address(client));
            }
        });
        assert_balanced(&runtime);
    });
}

/// A wait for the next of a stream of receives is forgotten, with the stream or without: the
/// connection gives what has come to its next receive, and is closed and detached as any other.
#[test]
fn a7_forgotten_wait_of_a_stream_of_receives_holds_nothing_up() {
    by_itself("forgotten::a7_forgotten_wait_of_a_stream_of_receives_holds_nothing_up", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            for what in 0..6 {
                let (stream, mut peer) = pair();
                let mut leases = stream.recv_stream();
                let mut next = Box::pin(leases.next());
                start(next.as_mut()).await;
                std::mem::forget(next);
                peer.write_all(b"kept").unwrap();
                turn().await;
                if what == 5 {
                    assert_eq!(&leases.next().await.unwrap()[..], b"kept");
                    continue;
                }
                std::mem::forget(leases);
                match what {
                    0 => assert_eq!(&stream.recv().await.unwrap()[..], b"kept"),
                    1 => assert_eq!(stream.read_exact(vec![0; 4]).await.1, b"kept"),
                    2 => {
                        let mut buffer = [0; 8];
                        while stream.try_read(&mut buffer).is_err() {
                            stream.readable().await.unwrap();
                        }
                        assert_eq!(&buffer[..4], b"kept");
                    }
                    3 => {
                        stream.close().await.unwrap();
                        assert!(sees_the_end(&mut peer));
                    }
                    _ => {
                        let stream = stream.detach().await.attach();
                        assert_eq!(&stream.recv().await.unwrap()[..], b"kept");
                    }
                }
            }
        });
        assert_eq!(assert_balanced(&runtime).leased, 0);
    });
}
