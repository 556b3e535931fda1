//! Unix datagrams: their names, their bounds, peers without room, and that none is lost.
//!
//! | | `recv`, `recv_from`, `peek` | `send`, `send_to` |
//! |---|---|---|
//! | success | `datagrams_go_…`, `an_abstract_…` | the same; `a_send_that_waits_…` |
//! | short | `i10_…` | is sent as a whole |
//! | error | as UDP | `errors_…`, `a_peer_that_is_gone_…` |
//! | cancelled in flight | `b1_a_cancelled_receive_…` | `b1_a_send_to_a_full_peer_…` |
//! | dropped, raced | `r17_…` | `b1_a_send_to_a_full_peer_…` |
//! | resumed | `r17_…` | nothing comes |
//!
//! `recv_msg` and `send_msg` are in `passing.rs`.

use crate::support::{poll_once, turn};
use crate::unix::{Folder, abstract_name};
use crate::{answered, at_once, run, start, submitted};
use nestling::buf::BufResult;
use nestling::net::UnixDatagram;
use nestling::{is_cancelled, timeout};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, SocketAddr};
use std::time::Duration;

/// A socket, and a peer of the standard library, connected with each other.
fn pair() -> (UnixDatagram, net::UnixDatagram) {
    let (ours, theirs) = net::UnixDatagram::pair().unwrap();
    (UnixDatagram::from_std(ours).unwrap(), theirs)
}

#[test]
fn datagrams_go_by_paths() {
    let folder = Folder::new("datagram");
    run(async || {
        let path = folder.socket();
        let socket = UnixDatagram::bind(&path).unwrap();
        assert_eq!(socket.local_addr().unwrap().as_pathname(), Some(path.as_path()));
        let own = path.with_extension("peer");
        let peer = net::UnixDatagram::bind(&own).unwrap();
        for text in [&b"abc"[..], b""] {
            assert_eq!(peer.send_to(text, &path).unwrap(), text.len());
            assert_eq!(socket.peek(vec![0; 9]).await.0.unwrap(), text.len());
            let (result, _) = socket.peek_from(vec![0; 9]).await;
            assert_eq!(result.unwrap().1.as_pathname(), Some(own.as_path()));
            let (result, buffer) = socket.recv_from(vec![0; 9]).await;
            let (length, from) = result.unwrap();
            assert_eq!((&buffer[..length], from.as_pathname()), (text, Some(own.as_path())));
        }
        let (sent, buffer) = socket.send_to(vec![7; 5], &own).await;
        assert_eq!((sent.unwrap(), buffer), (5, vec![7; 5]));
        let (length, from) = peer.recv_from(&mut [0; 9]).unwrap();
        assert_eq!((length, from.as_pathname()), (5, Some(path.as_path())));
        socket.connect(&own).await.unwrap();
        assert_eq!(socket.peer_addr().unwrap().as_pathname(), Some(own.as_path()));
        assert_eq!(socket.send("xy").await.0.unwrap(), 2);
        assert_eq!(peer.recv(&mut [0; 9]).unwrap(), 2);
        socket.close().await.unwrap();
        assert!(path.exists(), "it is not ours to remove");
        assert_eq!(UnixDatagram::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn an_abstract_name_has_no_file() {
    run(async || {
        let name = abstract_name("datagram");
        let socket = UnixDatagram::bind_addr(&name).unwrap();
        let peer = UnixDatagram::unbound().unwrap();
        peer.connect_addr(&name).await.unwrap();
        assert_eq!(peer.peer_addr().unwrap().as_abstract_name(), name.as_abstract_name());
        peer.send("one").await.0.unwrap();
        peer.send_to_addr("two", &name).await.0.unwrap();
        peer.send_msg_to("three", Vec::<std::fs::File>::new(), &name).await.0.unwrap();
        for length in [3, 3, 5] {
            let (came, from) = socket.recv_from(vec![0; 9]).await.0.unwrap();
            assert!(came == length && from.is_unnamed());
        }
        // With credentials, the kernel gives it a name.
        peer.set_passcred(true).unwrap();
        peer.send("named").await.0.unwrap();
        let message = socket.recv_msg(vec![0; 9], 0).await.0.unwrap();
        assert!(message.from.as_abstract_name().is_some(), "{message:?}");
        assert_eq!(message.length, 5);
    });
}

/// FAILURES I10: also when it was kept for the next receive.
#[test]
fn i10_a_datagram_that_is_cut_says_so() {
    run(async || {
        let (socket, peer) = pair();
        for kept in [false, true] {
            peer.send(b"abcdef").unwrap();
            if kept {
                drop(answered(socket.recv(vec![0; 9]), || ()).await);
            }
            let (result, buffer) = socket.recv_msg(vec![0; 4], 1).await;
            let message = result.unwrap();
            assert_eq!((message.length, message.truncated), (4, true), "kept: {kept}");
            assert_eq!(buffer, b"abcd");
            peer.send(b"whole").unwrap();
            assert!(!socket.recv_msg(vec![0; 5], 1).await.0.unwrap().truncated);
        }
    });
}

#[test]
fn errors_name_what_was_tried() {
    let folder = Folder::new("datagram-errors");
    run(async || {
        let socket = UnixDatagram::unbound().unwrap();
        let (result, buffer) = socket.send(vec![7; 3]).await;
        assert_eq!((result.unwrap_err().kind(), buffer), (ErrorKind::NotConnected, vec![7; 3]));
        let path = folder.socket();
        let missing = socket.connect(&path).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(missing.to_string().contains("socket"), "{missing}");
        let (result, buffer) = socket.send_to(vec![7; 3], &path).await;
        assert_eq!((result.unwrap_err().kind(), buffer), (ErrorKind::NotFound, vec![7; 3]));
        for wrong in ["", "a\0b", &"x".repeat(108)] {
            let (result, buffer) = socket.send_to(vec![7; 3], wrong).await;
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
            assert_eq!(buffer, [7; 3]);
            assert_eq!(UnixDatagram::bind(wrong).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        let unnamed = SocketAddr::from_pathname("").unwrap();
        let error = socket.send_to_addr("x", &unnamed).await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let (one, _other) = pair();
        one.set_send_buffer_size(4_096).unwrap();
        let long = vec![7; 1 << 20];
        let (result, buffer) = one.send(long).await;
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EMSGSIZE));
        assert_eq!(buffer.len(), 1 << 20);
    });
}

#[test]
fn a_peer_that_is_gone_is_an_error() {
    run(async || {
        let (socket, peer) = pair();
        socket.send("unread").await.0.unwrap();
        drop(peer);
        let (result, buffer) = socket.send(vec![7; 3]).await;
        assert_eq!(
            (result.unwrap_err().kind(), buffer),
            (ErrorKind::ConnectionRefused, vec![7; 3])
        );
        let (socket, peer) = pair();
        socket.shutdown(Shutdown::Write).await.unwrap();
        assert_eq!(socket.send("x").await.0.unwrap_err().kind(), ErrorKind::BrokenPipe);
        drop(peer);
    });
}

#[test]
fn b1_a_cancelled_receive_gives_its_buffer_back() {
    run(async || {
        let (socket, _peer) = pair();
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
        let (socket, peer) = pair();
        for text in [&b"abc"[..], b""] {
            let send = || assert_eq!(peer.send(text).unwrap(), text.len());
            drop(answered(socket.recv(vec![0; 9]), send).await);
            let before = submitted();
            assert_eq!(at_once(socket.peek(vec![0; 9])).await.0.unwrap(), text.len());
            let (received, buffer) = at_once(socket.recv_from(vec![0; 9])).await;
            assert_eq!(&buffer[..received.unwrap().0], text);
            assert_eq!(submitted(), before, "the kernel was not asked");
        }
    });
    assert_eq!(stats.resumed, 2, "{stats:?}");
}

/// Those of a dropped receive come first.
#[test]
fn r17_a_dropped_receive_is_waited_for() {
    run(async || {
        let (socket, peer) = pair();
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

/// Sends to an address until it takes no more; tells how many.
pub(crate) fn fill(to: &SocketAddr) -> usize {
    let peer = net::UnixDatagram::unbound().unwrap();
    peer.set_nonblocking(true).unwrap();
    let full = |sent: &usize| match peer.send_to_addr(&[*sent as u8; 4], to) {
        Ok(_) => false,
        Err(error) if error.kind() == ErrorKind::WouldBlock => true,
        Err(error) => panic!("{error}"),
    };
    (0..).find(full).unwrap()
}

/// Sends three bytes where the socket is connected, or to an address.
async fn send(socket: &UnixDatagram, to: Option<&SocketAddr>) -> BufResult<usize, Vec<u8>> {
    match to {
        None => socket.send(vec![7; 3]).await,
        Some(to) => socket.send_to_addr(vec![7; 3], to).await,
    }
}

/// A peer has no room: a send waits, can be cancelled and dropped at any time, and goes through
/// once there is room.
#[test]
fn b1_a_send_to_a_full_peer_is_cancelled_or_dropped() {
    run(async || {
        let name = abstract_name("full-datagram");
        let peer = net::UnixDatagram::bind_addr(&name).unwrap();
        let sent = fill(&name);
        let [socket, connected] =
            [UnixDatagram::unbound().unwrap(), UnixDatagram::unbound().unwrap()];
        connected.connect_addr(&name).await.unwrap();
        for (socket, to) in [(&socket, Some(&name)), (&connected, None)] {
            let (result, buffer) =
                timeout(Duration::from_millis(20), send(socket, to)).await.unwrap();
            assert!(is_cancelled(&result.unwrap_err()));
            assert_eq!(buffer, [7; 3]);
            for turns in 0..200 {
                let mut dropped = Box::pin(send(socket, to));
                for _ in 0..turns % 10 {
                    assert!(poll_once(dropped.as_mut()).await.is_pending());
                    turn().await;
                }
                drop(dropped);
                // It ends, though there is no room.
                while nestling::stats().in_flight > 0 {
                    turn().await;
                }
            }
        }
        let mut waits = Box::pin(send(&socket, Some(&name)));
        start(waits.as_mut()).await;
        start(waits.as_mut()).await;
        assert_eq!(peer.recv(&mut [0; 9]).unwrap(), 4);
        assert_eq!(waits.await.0.unwrap(), 3);
        for _ in 1..sent {
            assert_eq!(peer.recv(&mut [0; 9]).unwrap(), 4);
        }
        // What was cancelled or dropped was not sent.
        assert_eq!(peer.recv(&mut [0; 9]).unwrap(), 3);
        peer.set_nonblocking(true).unwrap();
        assert_eq!(peer.recv(&mut [0; 9]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn from_and_into_std() {
    run(async || {
        let (one, other) = UnixDatagram::pair().unwrap();
        let (one, other) = (one.into_std().unwrap(), other.into_std().unwrap());
        one.set_nonblocking(true).unwrap();
        let one = UnixDatagram::from_std(one).unwrap();
        let receive = answered(one.recv(vec![0; 9]), || assert_eq!(other.send(b"x").unwrap(), 1));
        drop(receive.await);
        let error = one.into_std().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResourceBusy, "the standard library would not see it");
    });
}

/// It sleeps meanwhile, whichever has no room: the peer, or the socket's own buffer.
#[test]
fn i6_a_send_that_waits_does_not_spin() {
    run(async || {
        for (connected, own) in [(false, false), (true, false), (false, true), (true, true)] {
            let name = abstract_name("sleeps-datagram");
            let peer = net::UnixDatagram::bind_addr(&name).unwrap();
            let socket = UnixDatagram::unbound().unwrap();
            let to = (!connected).then_some(&name);
            if connected {
                socket.connect_addr(&name).await.unwrap();
            }
            let before = match own {
                true => fill_own(&socket, &name),
                false => fill(&name),
            };
            let mut waits = Box::pin(send(&socket, to));
            // The attempt and a wait for either of the two take a turn each.
            for _ in 0..10 {
                assert!(poll_once(waits.as_mut()).await.is_pending());
                turn().await;
            }
            let asked = submitted();
            for _ in 0..20 {
                assert!(poll_once(waits.as_mut()).await.is_pending());
                turn().await;
            }
            assert_eq!(submitted() - asked, 20, "only the turns: {connected}, {own}");
            for _ in 0..before {
                assert!(peer.recv(&mut [0; 4_096]).unwrap() > 3);
            }
            assert_eq!(waits.await.0.unwrap(), 3);
            assert_eq!(peer.recv(&mut [0; 4_096]).unwrap(), 3);
        }
    });
}

/// Sends from a socket until its own buffer is full, where the peer has room still.
fn fill_own(socket: &UnixDatagram, to: &SocketAddr) -> usize {
    socket.set_send_buffer_size(4_096).unwrap();
    let own = net::UnixDatagram::from(socket.as_fd().try_clone_to_owned().unwrap());
    own.set_nonblocking(true).unwrap();
    let sent = (0..).find(|_| own.send_to_addr(&[8; 2_000], to).is_err()).unwrap();
    own.set_nonblocking(false).unwrap();
    net::UnixDatagram::unbound().unwrap().send_to_addr(&[8; 4], to).unwrap();
    sent + 1
}

/// A peer that receives slowly, and a small buffer of our own: what had to wait comes whole.
#[test]
fn a_send_that_waits_goes_through_whole() {
    run(async || {
        let text = |at: usize| vec![at as u8; 1 + at * 37 % 3_000];
        for connected in [false, true] {
            let name = abstract_name("slow-datagram");
            let peer = net::UnixDatagram::bind_addr(&name).unwrap();
            let full = fill(&name);
            let socket = UnixDatagram::unbound().unwrap();
            socket.set_send_buffer_size(8_192).unwrap();
            if connected {
                socket.connect_addr(&name).await.unwrap();
            }
            let mut first = Box::pin(async {
                match connected {
                    true => socket.send(text(0)).await,
                    false => socket.send_to_addr(text(0), &name).await,
                }
            });
            for _ in 0..3 {
                assert!(poll_once(first.as_mut()).await.is_pending(), "there is no room");
                turn().await;
            }
            let receiver = std::thread::spawn(move || {
                for _ in 0..full {
                    assert_eq!(peer.recv(&mut [0; 9]).unwrap(), 4);
                }
                for at in 0..500 {
                    let mut bytes = [0; 4_096];
                    let length = peer.recv(&mut bytes).unwrap();
                    assert_eq!(bytes[..length], text(at)[..], "{at}");
                }
            });
            assert_eq!(first.await.0.unwrap(), 1);
            for at in 1..500 {
                let file = vec![std::fs::File::open("/dev/null").unwrap()];
                let (result, (buffer, _)) = match connected {
                    true => socket.send_msg(text(at), file).await,
                    false => socket.send_msg_to(text(at), file, &name).await,
                };
                assert_eq!((result.unwrap(), buffer), (text(at).len(), text(at)));
            }
            receiver.join().unwrap();
        }
    });
}
