//! Datagrams one after the other, in buffers of a pool.
//!
//! | `recv_stream` | |
//! |---|---|
//! | success | `datagrams_come_…`, `what_goes_along_…` |
//! | short | `i10_…` |
//! | error | `a_refusal_…`, `d7_a_buffer_without_room_…` |
//! | cancelled in flight | `r17_a_cancelled_stream_…` |
//! | dropped | `e10_…`, `a7_…` |
//! | raced | `r17_another_receive_…`, `two_streams_…`, `r17_a_look_…` |
//! | resumed | `r17_…`, `e10_…` |
//! | no buffer | `d7_…` |

use crate::leases_scarce::scarce;
use crate::support::{poll_once, turn, turns};
use crate::{
    answered, assert_balanced, at_once, by_itself, run, run_on, share, start, submitted, waiting,
};
use nestling::buf::{Lease, Pool};
use nestling::io::nursery;
use nestling::net::{Datagram, DatagramStream, Ecn, UdpControl, UdpSocket};
use nestling::{Runtime, is_cancelled};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use std::cell::Cell;
use std::io::{self, ErrorKind, IoSlice, Read};
use std::net;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix;
use std::pin::pin;

/// What is told of a datagram takes so many bytes of its buffer.
const TOLD: usize = 220;

/// A socket, and a peer of the standard library, connected with each other.
async fn pair(address: &str) -> (UdpSocket, net::UdpSocket) {
    let socket = UdpSocket::bind(address).await.unwrap();
    let peer = net::UdpSocket::bind(address).unwrap();
    peer.connect(socket.local_addr().unwrap()).unwrap();
    socket.connect(peer.local_addr().unwrap()).await.unwrap();
    (socket, peer)
}

async fn local() -> (UdpSocket, net::UdpSocket) {
    pair("127.0.0.1:0").await
}

async fn word(datagrams: &mut DatagramStream<'_>) -> Vec<u8> {
    datagrams.next().await.unwrap().0.into_vec()
}

/// Arms a stream.
async fn armed(datagrams: &mut DatagramStream<'_>) {
    start(pin!(datagrams.next())).await;
}

#[test]
fn datagrams_come_one_by_one_for_one_request() {
    let stats = run(async || {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (socket, peer) = pair(address).await;
            let mut datagrams = socket.recv_stream();
            armed(&mut datagrams).await;
            let before = submitted();
            for round in 0..200_u32 {
                peer.send(&round.to_le_bytes()).unwrap();
                let (lease, datagram): (Lease, Datagram) = datagrams.next().await.unwrap();
                assert_eq!(&lease[..], round.to_le_bytes());
                assert_eq!((datagram.length, datagram.truncated), (4, false));
                assert_eq!(datagram.from, peer.local_addr().unwrap());
            }
            assert_eq!(submitted(), before, "the kernel was asked before");
            // The kernel ends the stream at one without bytes; nothing is missed behind it.
            for bytes in [&b""[..], b"", b"x", b"", b"yz"] {
                peer.send(bytes).unwrap();
            }
            for bytes in [&b""[..], b"", b"x", b"", b"yz"] {
                assert_eq!(word(&mut datagrams).await, bytes);
            }
        }
    });
    assert_eq!((stats.leased, stats.starved, stats.copied), (0, 0, 0));
}

#[test]
fn what_goes_along_with_a_datagram_is_told() {
    run(async || {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let server = UdpSocket::bind(address).await.unwrap();
            let ours = server.local_addr().unwrap();
            server.set_recv_pktinfo(true).unwrap();
            server.set_recv_ecn(true).unwrap();
            server.set_recv_timestamp(true).unwrap();
            server.set_gro(true).unwrap();
            let client = UdpSocket::bind(address).await.unwrap();
            let mut datagrams = server.recv_stream();
            for _ in 0..3 {
                let control = UdpControl::new().ecn(Ecn::Ect0).segment_size(100);
                client.send_msg_to(vec![7; 250], control, ours).await.0.unwrap();
                let (lease, datagram) = datagrams.next().await.unwrap();
                assert_eq!((lease.len(), datagram.segment_size), (250, Some(100)));
                assert_eq!((datagram.ecn, datagram.control_truncated), (Some(Ecn::Ect0), false));
                assert_eq!(datagram.to.unwrap().address, ours.ip());
                assert!(datagram.timestamp.is_some());
            }
        }
    });
}

#[test]
fn i10_a_datagram_that_is_cut_says_so() {
    run_on(scarce(64, TOLD + 5), async || {
        let (socket, peer) = local().await;
        let mut datagrams = socket.recv_stream();
        for bytes in [&b"abcdef"[..], b"abcde", b"abc"] {
            peer.send(bytes).unwrap();
            let (lease, datagram) = datagrams.next().await.unwrap();
            assert_eq!(&lease[..], &bytes[..bytes.len().min(5)]);
            assert_eq!(datagram.truncated, bytes.len() > 5);
        }
        // Also when it was kept for another receive.
        armed(&mut datagrams).await;
        peer.send(b"abcdef").unwrap();
        turn().await;
        let (received, _) = socket.recv_msg(vec![0; 9]).await;
        let datagram = received.unwrap();
        assert_eq!((datagram.length, datagram.truncated), (5, true));
    });
}

#[test]
fn a_refusal_is_an_error_and_more_may_follow() {
    run(async || {
        let (socket, peer) = local().await;
        let (address, ours) = (peer.local_addr().unwrap(), socket.local_addr().unwrap());
        let mut datagrams = socket.recv_stream();
        armed(&mut datagrams).await;
        drop(peer);
        socket.send("x").await.0.unwrap();
        let refused = datagrams.next().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let peer = net::UdpSocket::bind(address).unwrap();
        peer.send_to(b"back", ours).unwrap();
        assert_eq!(word(&mut datagrams).await, b"back");
        // One that came for a stream that is dropped is told to the next receive.
        armed(&mut datagrams).await;
        drop(peer);
        socket.send("x").await.0.unwrap();
        turn().await;
        drop(datagrams);
        let (refused, _) = socket.recv(vec![0; 1]).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn d7_a_buffer_without_room_is_refused() {
    run(async || {
        let (socket, peer) = local().await;
        let pool = Pool::new(2, TOLD).unwrap();
        let error = socket.recv_stream_in(&pool).next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("Use a pool of larger buffers"), "{error}");
        let pool = Pool::new(2, TOLD + 1).unwrap();
        peer.send(b"x").unwrap();
        assert_eq!(word(&mut socket.recv_stream_in(&pool)).await, b"x");
    });
}

/// What was received is delivered, then the cancellation; the rest comes to the next receive.
#[test]
fn r17_a_cancelled_stream_delivers_what_it_has() {
    run(async || {
        let (socket, peer) = local().await;
        let (got, heard) = (Cell::new(0), Cell::new(false));
        nursery(async |n| {
            n.spawn(async {
                let mut datagrams = socket.recv_stream();
                loop {
                    match datagrams.next().await {
                        Ok(_) => got.set(got.get() + 1),
                        Err(error) => {
                            heard.set(is_cancelled(&error));
                            return Ok(());
                        }
                    }
                }
            });
            turn().await;
            turn().await;
            peer.send(b"in time").unwrap();
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert!(heard.get(), "and then the cancellation, once");
        assert!(got.get() <= 1);
        peer.send(b"later").unwrap();
        let mut rest = Vec::new();
        while rest.last().is_none_or(|word| word != b"later") {
            let (length, mut bytes) = socket.recv(vec![0; 9]).await;
            bytes.truncate(length.unwrap());
            rest.push(bytes);
        }
        assert_eq!(got.get() + rest.len(), 2, "each comes once");
    });
}

/// E10: dropped before it is begun, in flight, answered; the future, or the stream with it.
#[test]
fn e10_a_stream_that_is_dropped_at_each_stage_loses_nothing() {
    run(async || {
        let (socket, peer) = local().await;
        for round in 0..60_u8 {
            let stage = round % 6;
            let mut datagrams = socket.recv_stream();
            if stage >= 1 {
                let mut next = Box::pin(datagrams.next());
                assert!(poll_once(next.as_mut()).await.is_pending());
                if stage >= 2 {
                    turn().await;
                }
                if stage == 4 {
                    peer.send(&[round, 0]).unwrap();
                    turn().await;
                }
            }
            if stage != 4 {
                peer.send(&[round, 0]).unwrap();
            }
            peer.send(&[round, 1]).unwrap();
            if stage == 3 {
                turn().await;
            }
            if stage == 5 {
                assert_eq!(word(&mut datagrams).await, [round, 0]);
                drop(datagrams);
            } else {
                drop(datagrams);
                assert_eq!(socket.recv(vec![0; 2]).await.1, [round, 0]);
            }
            let mut others = socket.recv_stream();
            assert_eq!(word(&mut others).await, [round, 1]);
        }
    });
}

#[test]
fn a7_a_forgotten_stream_holds_nothing_up() {
    by_itself("datagram_stream::a7_a_forgotten_stream_holds_nothing_up", || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            for what in 0..4 {
                let (socket, peer) = local().await;
                let mut datagrams = socket.recv_stream();
                let mut next = Box::pin(datagrams.next());
                start(next.as_mut()).await;
                std::mem::forget(next);
                std::mem::forget(datagrams);
                peer.send(b"kept").unwrap();
                turn().await;
                match what {
                    0 => assert_eq!(socket.recv(vec![0; 4]).await.1, b"kept"),
                    1 => assert_eq!(word(&mut socket.recv_stream()).await, b"kept"),
                    2 => {
                        let mut buffer = [0; 4];
                        while socket.try_recv(&mut buffer).is_err() {
                            socket.readable().await.unwrap();
                        }
                        assert_eq!(&buffer, b"kept");
                    }
                    _ => socket.close().await.unwrap(),
                }
            }
        });
        assert_eq!(assert_balanced(&runtime).leased, 0);
    });
}

/// A socket of Unix that is taken for one of IP: descriptors that came with what no receive takes
/// are closed.
#[test]
fn descriptors_of_what_is_dropped_or_forgotten_are_closed() {
    let name = "datagram_stream::descriptors_of_what_is_dropped_or_forgotten_are_closed";
    by_itself(name, || {
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            for is_forgotten in [false, true] {
                let (ours, theirs) = unix::net::UnixDatagram::pair().unwrap();
                let socket = net::UdpSocket::from(OwnedFd::from(ours));
                let socket = UdpSocket::from_std(socket).unwrap();
                let mut datagrams = socket.recv_stream();
                armed(&mut datagrams).await;
                let (mut end, passed) = unix::net::UnixStream::pair().unwrap();
                let (bytes, fds) = ([IoSlice::new(b"x")], [passed.as_raw_fd()]);
                let (along, none) = ([ControlMessage::ScmRights(&fds)], MsgFlags::empty());
                sendmsg::<()>(theirs.as_raw_fd(), &bytes, &along, none, None).unwrap();
                drop(passed);
                turn().await;
                match is_forgotten {
                    true => std::mem::forget(datagrams),
                    false => drop(datagrams),
                }
                end.set_nonblocking(true).unwrap();
                let is_open = end.read(&mut [0; 1]).unwrap_err();
                assert_eq!(is_open.kind(), ErrorKind::WouldBlock, "it came along");
                drop(socket);
                // What was in flight keeps what has come until it has ended.
                turns(2).await;
                assert_eq!(end.read(&mut [0; 1]).unwrap(), 0, "forgotten: {is_forgotten}");
            }
        });
        assert_eq!(assert_balanced(&runtime).leased, 0);
    });
}

/// Another receive ends the stream, and takes what has come for it first; the stream goes on.
#[test]
fn r17_another_receive_gets_what_has_come_in_order() {
    run(async || {
        let (socket, peer) = local().await;
        let mut datagrams = socket.recv_stream();
        for round in 0..20_u8 {
            armed(&mut datagrams).await;
            for number in 0..4 {
                peer.send(&[round, number]).unwrap();
            }
            turn().await;
            let mut buffer = [0; 2];
            match round % 3 {
                0 => assert_eq!(socket.recv(vec![0; 2]).await.1, [round, 0]),
                1 => {
                    while socket.try_recv(&mut buffer).is_err() {
                        socket.readable().await.unwrap();
                    }
                    assert_eq!(buffer, [round, 0]);
                }
                _ => assert_eq!(word(&mut socket.recv_stream()).await, [round, 0]),
            }
            assert_eq!(word(&mut datagrams).await, [round, 1]);
            assert_eq!(socket.peek(vec![0; 2]).await.1, [round, 2]);
            assert_eq!(word(&mut datagrams).await, [round, 2]);
            assert_eq!(word(&mut datagrams).await, [round, 3]);
        }
    });
}

#[test]
fn two_streams_that_wait_at_once_share_what_comes() {
    run(async || {
        let (socket, peer) = local().await;
        let (mut one, mut other) = (socket.recv_stream(), socket.recv_stream());
        let got = Cell::new(0);
        let take = async |datagrams: &mut DatagramStream<'_>| {
            while !datagrams.next().await?.0.is_empty() {
                got.set(got.get() + 1);
            }
            Ok::<_, io::Error>(())
        };
        let takers = [take(&mut one), take(&mut other)];
        let send = |round| assert_eq!(peer.send(&[round]).unwrap(), 1);
        share(takers, &got, send, || {
            peer.send(b"").unwrap();
            peer.send(b"").unwrap();
        })
        .await;
    });
}

/// A look that waits hears of what a dropped receive has left, for which the kernel would not tell;
/// and so does a stream.
#[test]
fn r17_a_look_hears_of_what_a_dropped_receive_has_left() {
    run(async || {
        let (socket, peer) = local().await;
        let mut datagrams = socket.recv_stream();
        for _ in 0..10 {
            let receive = answered(socket.recv(vec![0; 4]), || drop(peer.send(b"left"))).await;
            let mut look = waiting(socket.readable()).await;
            drop(receive);
            look.woken().await.unwrap();
            let mut buffer = [0; 4];
            assert_eq!(socket.try_recv(&mut buffer).unwrap(), 4);

            let receive = answered(socket.recv(vec![0; 4]), || drop(peer.send(b"left"))).await;
            let mut next = waiting(datagrams.next()).await;
            drop(receive);
            assert_eq!(&next.woken().await.unwrap().0[..], b"left");
        }
    });
}

/// Leases that are kept take the whole pool: what comes waits for one to go back, or has memory of
/// its own after a while.
#[test]
fn d7_an_empty_pool_is_no_error() {
    let stats = run_on(scarce(1, TOLD + 8), async || {
        let (socket, peer) = local().await;
        let mut datagrams = socket.recv_stream();
        peer.send(b"first").unwrap();
        let first = datagrams.next().await.unwrap().0;
        peer.send(b"second").unwrap();
        let mut next = Box::pin(datagrams.next());
        start(next.as_mut()).await;
        drop(first);
        let second = next.await.unwrap().0;
        assert_eq!(&second[..], b"second");
        for _ in 0..3 {
            peer.send(b"longer than that").unwrap();
            let (third, datagram) = datagrams.next().await.unwrap();
            assert_eq!((&third[..], datagram.truncated), (&b"longer t"[..], true));
            assert_eq!(datagram.from, peer.local_addr().unwrap());
        }
        drop(second);
        // The pool is free again.
        let copied = nestling::stats().copied;
        assert!(copied >= 3);
        for _ in 0..10 {
            peer.send(b"more").unwrap();
            assert_eq!(word(&mut datagrams).await, b"more");
        }
        assert_eq!(nestling::stats().copied, copied);
    });
    assert!(stats.starved > 0, "{stats:?}");
}

/// A stream whose leases are kept, and a flood that is not taken, leave buffers to others.
#[test]
fn d7_a_stream_takes_a_share_of_the_pool() {
    let stats = run_on(scarce(32, TOLD + 8), async || {
        let (socket, peer) = local().await;
        let (other, talker) = local().await;
        let mut datagrams = socket.recv_stream();
        armed(&mut datagrams).await;
        for round in 0..20_u8 {
            peer.send(&[round]).unwrap();
            talker.send(&[round]).unwrap();
            assert_eq!(&word(&mut other.recv_stream()).await, &[round]);
            let held = nestling::stats().leased;
            assert!(held <= 32 / 8, "{held}");
        }
        assert_eq!(nestling::stats().copied, 0);
        for round in 0..20_u8 {
            assert_eq!(word(&mut datagrams).await, [round]);
        }
        let mut kept = Vec::new();
        for round in 0..20_u8 {
            peer.send(&[round]).unwrap();
            kept.push(datagrams.next().await.unwrap().0);
            let held = nestling::stats().leased;
            assert!(held <= 32 / 8, "{held}");
        }
        assert!(kept.iter().enumerate().all(|(at, lease)| lease[..] == [at as u8]));
        kept.clear();
        peer.send(b"last").unwrap();
        assert_eq!(word(&mut datagrams).await, b"last");
    });
    assert!(stats.copied > 0, "{stats:?}");
}

/// What is kept for the next receive is not there for one that does not wait, before it is.
#[test]
fn r17_what_was_kept_is_there_at_once() {
    run(async || {
        let (socket, peer) = local().await;
        let mut datagrams = socket.recv_stream();
        armed(&mut datagrams).await;
        peer.send(b"kept").unwrap();
        turn().await;
        drop(datagrams);
        turn().await;
        turn().await;
        let mut datagrams = socket.recv_stream();
        assert_eq!(&at_once(datagrams.next()).await.unwrap().0[..], b"kept");
    });
}
