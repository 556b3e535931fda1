//! UDP: datagrams that come, are cut, refused, and left by receives that were dropped.
//!
//! | | `recv`, `recv_from` | `peek_from` | `send`, `send_to` |
//! |---|---|---|---|
//! | success | `datagrams_go_…` | `a_peek_…` | `datagrams_go_…` |
//! | short | `i10_…` | `i10_…` | is sent as a whole |
//! | error | `a_refusal_…` | as `recv` | `errors_of_…` |
//! | cancelled in flight | `b1_a_cancelled_…` | `b1_a_cancelled_…` | does not wait |
//! | dropped, raced | `r17_…` | `a_peek_…` | `b1_a_send_…` |
//! | resumed | `r17_…` | `r17_…` | nothing comes |

use crate::support::{end_turn, poll_once, turn};
use crate::{answered, at_once, run, start, submitted};
use nestling::io::nursery;
use nestling::net::UdpSocket;
use nestling::task::yield_now;
use nestling::{is_cancelled, timeout};
use std::cell::Cell;
use std::io::ErrorKind;
use std::net;
use std::time::Duration;

/// A socket, and a peer of the standard library, connected with each other.
async fn pair() -> (UdpSocket, net::UdpSocket) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.connect(socket.local_addr().unwrap()).unwrap();
    socket.connect(peer.local_addr().unwrap()).await.unwrap();
    (socket, peer)
}

#[test]
fn datagrams_go_both_ways() {
    run(async || {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let socket = UdpSocket::bind(address).await.unwrap();
            let peer = net::UdpSocket::bind(address).unwrap();
            let (ours, theirs) = (socket.local_addr().unwrap(), peer.local_addr().unwrap());
            let (sent, buffer) = socket.send_to(vec![7; 5], theirs).await;
            assert_eq!((sent.unwrap(), buffer), (5, vec![7; 5]));
            assert_eq!(peer.recv_from(&mut [0; 9]).unwrap(), (5, ours));
            peer.send_to(b"abc", ours).unwrap();
            peer.send_to(b"", ours).unwrap();
            let (received, buffer) = socket.recv_from(Vec::with_capacity(9)).await;
            assert_eq!((received.unwrap(), &buffer[..]), ((3, theirs), &b"abc"[..]));
            assert_eq!(socket.recv_from(vec![0; 9]).await.0.unwrap(), (0, theirs));
            assert_eq!(socket.send_to("", theirs).await.0.unwrap(), 0);
            assert_eq!(peer.recv_from(&mut [0; 9]).unwrap(), (0, ours));
            socket.connect(theirs).await.unwrap();
            assert_eq!(socket.peer_addr().unwrap(), theirs);
            assert_eq!(socket.send("xy").await.0.unwrap(), 2);
            assert_eq!(peer.recv_from(&mut [0; 9]).unwrap(), (2, ours));
            socket.close().await.unwrap();
        }
    });
}

/// FAILURES I10: also when it was kept for the next receive.
#[test]
fn i10_a_datagram_that_is_cut_says_so() {
    run(async || {
        let (socket, peer) = pair().await;
        for kept in [false, true] {
            peer.send(b"abcdef").unwrap();
            if kept {
                drop(answered(socket.recv(vec![0; 9]), || ()).await);
            }
            for (length, truncated) in [(4, true), (6, false), (9, false)] {
                let (peeked, _) = socket.peek_from(vec![0; length]).await;
                assert_eq!(peeked.unwrap().0, length.min(6), "kept: {kept}, {truncated}");
            }
            let (received, buffer) = socket.recv_msg(vec![0; 4]).await;
            let datagram = received.unwrap();
            assert_eq!((datagram.length, datagram.truncated), (4, true), "kept: {kept}");
            assert_eq!(buffer, b"abcd");
            peer.send(b"whole").unwrap();
            assert!(!socket.recv_msg(vec![0; 5]).await.0.unwrap().truncated);
        }
    });
}

#[test]
fn a_refusal_is_an_error_and_is_kept() {
    run(async || {
        let (socket, peer) = pair().await;
        drop(peer);
        socket.send("x").await.0.unwrap();
        let (refused, buffer) = socket.recv(vec![7; 3]).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(buffer, [7; 3]);
        socket.send("x").await.0.unwrap();
        drop(answered(socket.recv(vec![0; 3]), || ()).await);
        let (refused, _) = at_once(socket.recv(vec![0; 3])).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn errors_of_sends_give_the_buffer_back() {
    run(async || {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let (result, buffer) = socket.send(vec![7; 3]).await;
        assert!(result.is_err());
        assert_eq!(buffer, [7; 3]);
        let address = socket.local_addr().unwrap();
        let (result, buffer) = socket.send_to(vec![7; 70_000], address).await;
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
        assert_eq!(buffer.len(), 70_000);
        let taken = UdpSocket::bind(address).await.unwrap_err();
        assert!(taken.to_string().contains(&address.to_string()), "{taken}");
    });
}

/// The kernel reads an address after the call that names it, and the memory of one is used for the
/// next.
#[test]
fn each_of_many_sends_goes_to_its_own_address() {
    run(async || {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let socket = UdpSocket::bind(address).await.unwrap();
            let peers = Vec::from_iter((0..40).map(|_| net::UdpSocket::bind(address).unwrap()));
            for round in 0..3 {
                nursery(async |n| {
                    for (number, peer) in peers.iter().enumerate() {
                        let (to, socket) = (peer.local_addr()?, &socket);
                        n.spawn(async move {
                            socket.send_to(vec![round, number as u8], to).await.0.map(drop)
                        });
                    }
                    Ok(())
                })
                .await
                .unwrap();
                for (number, peer) in peers.iter().enumerate() {
                    let mut received = [0; 9];
                    let (length, from) = peer.recv_from(&mut received).unwrap();
                    assert_eq!(received[..length], [round, number as u8]);
                    assert_eq!(from, socket.local_addr().unwrap());
                }
            }
        }
    });
}

/// B1: it was sent as a whole, or not at all, and says which: not begun, withdrawn, answered and
/// not taken, and taken.
#[test]
fn b1_a_send_that_races_its_cancel_tells_what_was_sent() {
    run(async || {
        let (socket, peer) = pair().await;
        let to = peer.local_addr().unwrap();
        for (stage, is_sent) in [(0, false), (1, false), (2, true), (3, true)].repeat(10) {
            let (begun, told, refused) = (Cell::new(0), Cell::new(0), Cell::new(0));
            nursery(async |n| {
                for _ in 0..20 {
                    n.spawn(async {
                        begun.set(begun.get() + 1);
                        match socket.send_to("x", to).await.0 {
                            Ok(sent) => told.set(told.get() + sent),
                            Err(error) if is_cancelled(&error) => refused.set(refused.get() + 1),
                            Err(error) => return Err(error),
                        }
                        Ok(())
                    });
                }
                if stage > 0 {
                    yield_now().await;
                    assert_eq!(begun.get(), 20);
                }
                match stage {
                    2 => {
                        end_turn().await;
                        yield_now().await;
                        assert_eq!(told.get(), 0, "answers are not taken yet");
                    }
                    3 => turn().await,
                    _ => {}
                }
                n.cancel();
                Ok(())
            })
            .await
            .unwrap();
            assert_eq!(waiting(&peer), told.get(), "stage {stage}");
            let begun = if stage == 0 { 0 } else { 20 };
            let expected = if is_sent { (20, 0) } else { (0, begun) };
            assert_eq!((told.get(), refused.get()), expected, "stage {stage}");
        }
    });
}

/// How many datagrams are there, which are taken.
fn waiting(peer: &net::UdpSocket) -> usize {
    peer.set_nonblocking(true).unwrap();
    let count = std::iter::from_fn(|| peer.recv(&mut [0; 9]).ok()).count();
    peer.set_nonblocking(false).unwrap();
    count
}

#[test]
fn b1_a_cancelled_receive_gives_its_buffer_back() {
    run(async || {
        let (socket, _peer) = pair().await;
        for peek in [false, true] {
            let receive = async {
                match peek {
                    false => socket.recv(vec![7; 3]).await,
                    true => socket.peek(vec![7; 3]).await,
                }
            };
            let (result, buffer) = timeout(Duration::from_millis(1), receive).await.unwrap();
            assert!(is_cancelled(&result.unwrap_err()));
            assert_eq!(buffer, [7; 3]);
        }
    });
}

#[test]
fn r17_an_answered_receive_leaves_its_datagram() {
    let stats = run(async || {
        let (socket, peer) = pair().await;
        for text in [&b"abc"[..], b""] {
            drop(
                answered(socket.recv(vec![0; 9]), || {
                    assert_eq!(peer.send(text).unwrap(), text.len())
                })
                .await,
            );
            let before = submitted();
            assert_eq!(at_once(socket.peek(vec![0; 9])).await.0.unwrap(), text.len());
            let (received, buffer) = at_once(socket.recv_from(vec![0; 9])).await;
            let (length, from) = received.unwrap();
            assert_eq!((&buffer[..length], from), (text, peer.local_addr().unwrap()));
            assert_eq!(submitted(), before, "the kernel was not asked");
        }
    });
    assert_eq!(stats.resumed, 2, "{stats:?}");
}

/// Those of a dropped receive come first.
#[test]
fn r17_a_dropped_receive_is_waited_for() {
    run(async || {
        let (socket, peer) = pair().await;
        for _ in 0..100 {
            let mut receive = Box::pin(socket.recv(vec![0; 9]));
            start(receive.as_mut()).await;
            peer.send(b"first").unwrap();
            peer.send(b"second").unwrap();
            drop(receive);
            assert_eq!(socket.recv(vec![0; 9]).await.0.unwrap(), 5);
            assert_eq!(socket.recv(vec![0; 9]).await.0.unwrap(), 6);
        }
    });
}

/// A receive that waits already gets what another one leaves.
#[test]
fn r17_a_receive_that_waits_gets_what_is_left() {
    run(async || {
        let (socket, peer) = pair().await;
        let mut one = Box::pin(socket.recv(vec![0; 9]));
        start(one.as_mut()).await;
        let mut two = Box::pin(socket.recv(vec![0; 9]));
        start(two.as_mut()).await;
        peer.send(b"abc").unwrap();
        turn().await;
        turn().await;
        // One of them was answered; that one is dropped without having heard of it.
        let other = match poll_once(one.as_mut()).await {
            std::task::Poll::Ready((result, _)) => {
                assert_eq!(result.unwrap(), 3);
                peer.send(b"abc").unwrap();
                turn().await;
                turn().await;
                let mut three = Box::pin(socket.recv(vec![0; 9]));
                start(three.as_mut()).await;
                drop(two);
                three
            }
            std::task::Poll::Pending => {
                drop(two);
                one
            }
        };
        let (result, buffer) = other.await;
        assert_eq!(&buffer[..result.unwrap()], b"abc");
    });
}

#[test]
fn a_peek_leaves_the_datagram() {
    run(async || {
        let (socket, peer) = pair().await;
        let peek = socket.peek_from(vec![0; 9]);
        drop(answered(peek, || assert_eq!(peer.send(b"abc").unwrap(), 3)).await);
        let peeked = socket.peek_from(vec![0; 9]).await.0.unwrap();
        assert_eq!(peeked, (3, peer.local_addr().unwrap()));
        assert_eq!(socket.recv(vec![0; 9]).await.0.unwrap(), 3);
        let mut dropped = Box::pin(socket.peek(vec![0; 9]));
        start(dropped.as_mut()).await;
        drop(dropped);
        peer.send(b"xy").unwrap();
        assert_eq!(socket.recv(vec![0; 9]).await.0.unwrap(), 2);
    });
}

#[test]
fn options_are_those_of_the_kernel() {
    run(async || {
        let socket = UdpSocket::bind("0.0.0.0:0").await.unwrap();
        socket.set_broadcast(true).unwrap();
        socket.set_ttl(7).unwrap();
        socket.set_multicast_loop_v4(false).unwrap();
        socket.set_multicast_ttl_v4(3).unwrap();
        let kernel = socket2::SockRef::from(&socket);
        assert!(kernel.broadcast().unwrap() && socket.broadcast().unwrap());
        assert_eq!((kernel.ttl_v4().unwrap(), socket.ttl().unwrap()), (7, 7));
        assert!(!socket.multicast_loop_v4().unwrap());
        assert_eq!(socket.multicast_ttl_v4().unwrap(), 3);
        assert_eq!(socket.set_ttl(0).unwrap_err().kind(), ErrorKind::InvalidInput);
        let loopback = net::Ipv4Addr::LOCALHOST;
        let group = net::Ipv4Addr::new(239, 1, 2, 3);
        socket.join_multicast_v4(&group, &loopback).unwrap();
        socket.leave_multicast_v4(&group, &loopback).unwrap();
        assert!(socket.leave_multicast_v4(&group, &loopback).is_err());
        let std = socket.into_std().unwrap();
        UdpSocket::from_std(std).unwrap().close().await.unwrap();
    });
}
