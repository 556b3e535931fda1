//! Sequenced packets: connections that keep messages apart.
//!
//! | | `recv`, `peek` | `send` | `connect`, `accept` |
//! |---|---|---|---|
//! | success | `messages_stay_apart` | the same | `an_abstract_…` |
//! | short | `i10_…` | is sent as a whole | |
//! | error, end | `a_peer_that_is_gone_…` | the same | `errors_name_…` |
//! | cancelled in flight | `b1_a_cancelled_receive_…` | `b1_a_send_…` | `b1_a_cancelled_accept_…` |
//! | dropped, raced | `r17_…` | `b1_a_send_…` | `r17_…` |
//! | resumed | `r17_…` | nothing comes | `r17_…` |
//!
//! `recv_msg` and `send_msg` are in `passing.rs`.

use crate::support::turn;
use crate::unix::{Folder, abstract_name};
use crate::{answered, at_once, run, start, submitted};
use nestling::io::nursery;
use nestling::net::{UnixListener, UnixSeqpacket, UnixSeqpacketListener, UnixStream};
use nestling::{Serve, is_cancelled, serve, timeout};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket, socketpair,
};
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

const NONE: MsgFlags = MsgFlags::empty();

/// A connection, and a blocking peer without our code.
fn pair() -> (UnixSeqpacket, OwnedFd) {
    let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
    let (ours, theirs) = socketpair(AddressFamily::Unix, kind, None, flags).unwrap();
    (UnixSeqpacket::from_fd(ours).unwrap(), theirs)
}

fn connect_to(name: &SocketAddr) -> OwnedFd {
    let (kind, flags) = (SockType::SeqPacket, SockFlag::SOCK_CLOEXEC);
    let client = socket(AddressFamily::Unix, kind, flags, None).unwrap();
    let name = UnixAddr::new_abstract(name.as_abstract_name().unwrap()).unwrap();
    connect(client.as_raw_fd(), &name).unwrap();
    client
}

fn say(peer: &OwnedFd, bytes: &[u8]) {
    assert_eq!(send(peer.as_raw_fd(), bytes, NONE).unwrap(), bytes.len());
}

#[test]
fn messages_stay_apart() {
    run(async || {
        let (socket, peer) = pair();
        for text in ["one", "two", "three"] {
            say(&peer, text.as_bytes());
            let (result, buffer) = socket.send(text).await;
            assert_eq!((result.unwrap(), buffer), (text.len(), text));
        }
        assert_eq!(socket.peek(vec![0; 9]).await.1[..3], *b"one");
        for text in ["one", "two", "three"] {
            let (result, buffer) = socket.recv(vec![0; 9]).await;
            assert_eq!(&buffer[..result.unwrap()], text.as_bytes());
            let mut heard = [0; 9];
            let length = recv(peer.as_raw_fd(), &mut heard, NONE).unwrap();
            assert_eq!(&heard[..length], text.as_bytes());
        }
    });
}

#[test]
fn an_abstract_name_is_listened_at() {
    run(async || {
        let name = abstract_name("packets");
        let listener = UnixSeqpacketListener::bind_addr(&name).unwrap();
        let listens_at = listener.local_addr().unwrap();
        assert_eq!(listens_at.as_abstract_name(), name.as_abstract_name());
        let client = connect_to(&name);
        let (server, peer) = listener.accept().await.unwrap();
        assert!(peer.is_unnamed() && server.peer_addr().unwrap().is_unnamed());
        assert_eq!(server.peer_cred().unwrap().pid, Some(std::process::id()));
        say(&client, b"abc");
        assert_eq!(server.recv(vec![0; 9]).await.0.unwrap(), 3);
        let ours = UnixSeqpacket::connect_addr(&name).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert_eq!(ours.peer_addr().unwrap().as_abstract_name(), name.as_abstract_name());
        server.send("x").await.0.unwrap();
        assert_eq!(ours.recv(vec![0; 9]).await.0.unwrap(), 1);
        server.close().await.unwrap();
        let listener = UnixSeqpacketListener::from_fd(listener.into_fd().unwrap()).unwrap();
        listener.close().await.unwrap();
        assert!(UnixSeqpacket::connect_addr(&name).await.is_err());
    });
}

#[test]
fn errors_name_what_was_tried() {
    let folder = Folder::new("packets");
    run(async || {
        let path = folder.socket();
        let missing = UnixSeqpacket::connect(&path).await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert!(missing.to_string().contains("socket"), "{missing}");
        let _streams = UnixListener::bind(&path).unwrap();
        let error = UnixSeqpacket::connect(&path).await.unwrap_err();
        assert!(error.to_string().contains("socket"), "{error}");
        let error = UnixSeqpacketListener::bind(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let (stream, _other) = UnixStream::pair().unwrap();
        let stream = OwnedFd::from(stream.into_std().unwrap());
        let error = UnixSeqpacket::from_fd(stream).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("SOCK_SEQPACKET"), "{error}");
    });
}

/// FAILURES I10: also when it was kept for the next receive.
#[test]
fn i10_a_message_that_is_cut_says_so() {
    run(async || {
        let (socket, peer) = pair();
        for kept in [false, true] {
            say(&peer, b"abcdef");
            if kept {
                drop(answered(socket.recv(vec![0; 9]), || ()).await);
            }
            let message = socket.recv_msg(vec![0; 4], 0).await.0.unwrap();
            assert_eq!((message.length, message.truncated), (4, true), "kept: {kept}");
            say(&peer, b"whole");
            assert!(!socket.recv_msg(vec![0; 5], 0).await.0.unwrap().truncated);
        }
    });
}

#[test]
fn a_peer_that_is_gone_is_the_end() {
    run(async || {
        let (socket, peer) = pair();
        say(&peer, b"last");
        drop(peer);
        assert_eq!(socket.recv(vec![0; 9]).await.0.unwrap(), 4);
        drop(answered(socket.recv(vec![0; 9]), || ()).await);
        for _ in 0..2 {
            assert_eq!(socket.recv(vec![0; 9]).await.0.unwrap(), 0);
        }
        let (result, buffer) = socket.send(vec![7; 3]).await;
        assert_eq!((result.unwrap_err().kind(), buffer), (ErrorKind::BrokenPipe, vec![7; 3]));
        // The kernel tells once that something was lost.
        let (socket, peer) = pair();
        socket.send("unread").await.0.unwrap();
        drop(peer);
        let lost = socket.recv(vec![0; 9]).await.0.unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::ConnectionReset);
        let (socket, peer) = pair();
        socket.shutdown(Shutdown::Write).await.unwrap();
        assert_eq!(recv(peer.as_raw_fd(), &mut [0; 9], NONE).unwrap(), 0);
    });
}

#[test]
fn b1_a_cancelled_receive_gives_its_buffer_back() {
    run(async || {
        let (socket, _peer) = pair();
        let (result, buffer) =
            timeout(Duration::from_millis(1), socket.recv(vec![7; 3])).await.unwrap();
        assert!(is_cancelled(&result.unwrap_err()));
        assert_eq!(buffer, [7; 3]);
    });
}

#[test]
fn b1_a_cancelled_accept_ends() {
    run(async || {
        let listener = UnixSeqpacketListener::bind_addr(&abstract_name("no-packets")).unwrap();
        let result = timeout(Duration::from_millis(1), listener.accept()).await.unwrap();
        assert!(is_cancelled(&result.unwrap_err()));
    });
}

/// The peer does not receive, so a send has to wait.
#[test]
fn b1_a_send_that_waits_is_cancelled_or_dropped() {
    run(async || {
        let (socket, peer) = pair();
        socket.set_send_buffer_size(8_192).unwrap();
        let mut sent = 0;
        let waits = loop {
            let mut send = Box::pin(socket.send(vec![7; 1_000]));
            start(send.as_mut()).await;
            turn().await;
            match crate::support::poll_once(send.as_mut()).await {
                std::task::Poll::Ready((result, _)) => assert_eq!(result.unwrap(), 1_000),
                std::task::Poll::Pending => break send,
            }
            sent += 1;
        };
        let other = socket.send(vec![8; 3]);
        let (result, buffer) = timeout(Duration::from_millis(1), other).await.unwrap();
        assert!(is_cancelled(&result.unwrap_err()));
        assert_eq!(buffer, [8; 3]);
        drop(waits);
        while nestling::stats().in_flight > 0 {
            turn().await;
        }
        for _ in 0..sent {
            assert_eq!(recv(peer.as_raw_fd(), &mut [0; 2_000], NONE).unwrap(), 1_000);
        }
        let nothing = recv(peer.as_raw_fd(), &mut [0; 9], MsgFlags::MSG_DONTWAIT);
        assert_eq!(nothing, Err(nix::errno::Errno::EAGAIN));
    });
}

#[test]
fn r17_what_came_for_dropped_ones_goes_to_the_next() {
    let stats = run(async || {
        let name = abstract_name("dropped-packets");
        let listener = UnixSeqpacketListener::bind_addr(&name).unwrap();
        let mut client = None;
        drop(answered(listener.accept(), || client = Some(connect_to(&name))).await);
        let (server, _) = at_once(listener.accept()).await.unwrap();
        let client = client.unwrap();
        drop(answered(server.recv(vec![0; 9]), || say(&client, b"abc")).await);
        assert_eq!(at_once(server.recv(vec![0; 9])).await.0.unwrap(), 3);
        for _ in 0..100 {
            let mut receive = Box::pin(server.recv(vec![0; 9]));
            start(receive.as_mut()).await;
            say(&client, b"first");
            say(&client, b"second");
            drop(receive);
            assert_eq!(server.recv(vec![0; 9]).await.0.unwrap(), 5);
            assert_eq!(server.recv(vec![0; 9]).await.0.unwrap(), 6);
        }
        drop(answered(server.recv(vec![0; 9]), || say(&client, b"abc")).await);
        assert_eq!(server.into_fd().unwrap_err().kind(), ErrorKind::ResourceBusy);
    });
    assert!(stats.resumed >= 3, "{stats:?}");
}

/// R17: connections come for one request; what comes for one that is dropped goes to the next
/// accept; and a server of one call serves them, to the end of their drain.
#[test]
fn r17_incoming_connections_are_served() {
    run(async || {
        let name = abstract_name("incoming");
        let listener = UnixSeqpacketListener::bind_addr(&name).unwrap();
        let mut incoming = listener.incoming();
        start(Box::pin(incoming.next()).as_mut()).await;
        let before = submitted();
        for _ in 0..20 {
            let client = connect_to(&name);
            let (server, peer) = incoming.next().await.unwrap();
            assert!(peer.is_unnamed());
            say(&client, b"hello");
            assert_eq!(server.recv(vec![0; 5]).await.1, b"hello");
            server.close().await.unwrap();
        }
        assert_eq!(submitted() - before, 40, "a receive and a close for each");
        let client = connect_to(&name);
        turn().await;
        turn().await;
        drop(incoming);
        let (server, _) = listener.accept().await.unwrap();
        say(&client, b"hello");
        assert_eq!(server.recv(vec![0; 5]).await.1, b"hello");

        let (signals, drain) = (false, Duration::from_secs(3600));
        let how = Serve { signals, drain, ..Serve::default() };
        let clients = [(); 10].map(|()| connect_to(&name));
        nursery(async |n| {
            n.spawn(serve(listener, how, async |socket: UnixSeqpacket, _peer| {
                let (received, bytes) = socket.recv(vec![0; 5]).await;
                assert_eq!(received?, 5);
                socket.send(bytes).await.0.map(drop)
            }));
            for _ in 0..10 {
                turn().await;
            }
            n.cancel();
            for client in &clients {
                say(client, b"again");
            }
            Ok(())
        })
        .await
        .unwrap();
        for client in clients {
            let mut answer = [0; 9];
            assert_eq!(recv(client.as_raw_fd(), &mut answer, NONE).unwrap(), 5);
            assert_eq!(&answer[..5], b"again");
        }
    });
}
