//! F8: a close that would wait for its peer (`SO_LINGER`), and what it must not hold up.
//!
//! In each test the peer does not read, and the linger is an hour.

use crate::alone;
use crate::support::sockets::fill_send_side;
use crate::support::tcp_pair;
use nestling::net::{TcpListener, TcpStream, UnixStream};
use nestling::time::sleep;
use nestling::{block_on, nursery};
use socket2::SockRef;
use std::io::{Error, ErrorKind, Read};
use std::net;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const HOUR: Option<Duration> = Some(Duration::from_secs(3600));

/// A connection with small buffers, and its other end, a blocking socket.
async fn pair() -> (TcpStream, net::TcpStream) {
    let (stream, peer) = tcp_pair("127.0.0.1:0").await;
    SockRef::from(&peer).set_recv_buffer_size(4096).unwrap();
    stream.set_send_buffer_size(4096).unwrap();
    (stream, peer)
}

/// Reads to the end, and asserts that it is no reset and that nothing was lost.
fn assert_received(mut peer: net::TcpStream, sent: usize) {
    let mut bytes = Vec::new();
    peer.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), sent);
}

/// Lets go of a stream whose close would linger, in one of several ways.
fn lingers(set: impl Fn(&TcpStream), let_go: impl AsyncFn(TcpStream)) {
    alone(|| {
        let (peer, sent) = block_on(async {
            let (stream, peer) = pair().await;
            set(&stream);
            let sent = fill_send_side(&stream);
            let_go(stream).await;
            sleep(MS).await; // for an hour, if the core closes it itself
            (peer, sent)
        });
        assert_received(peer, sent);
    });
}

fn by_the_library(stream: &TcpStream) {
    stream.set_linger(HOUR).unwrap();
}

/// As code does that knows nothing of the library.
fn past_the_library(stream: &TcpStream) {
    SockRef::from(stream).set_linger(HOUR).unwrap();
}

/// The close of a task that is cancelled never starts.
async fn close_cancelled(stream: TcpStream) {
    let cut = nursery(async |n| {
        n.cancel();
        stream.close().await
    });
    assert!(nestling::is_cancelled(&cut.await.unwrap_err()));
}

#[test]
fn f8_a_close_that_lingers_does_not_hold_the_core() {
    lingers(by_the_library, async |stream| drop(stream));
}

#[test]
fn f8_nor_one_that_is_awaited() {
    lingers(by_the_library, async |stream| stream.close().await.unwrap());
}

#[test]
fn f8_nor_one_in_a_cancelled_task() {
    lingers(by_the_library, close_cancelled);
}

#[test]
fn f8_nor_that_of_a_stream_which_has_moved() {
    lingers(by_the_library, async |stream| drop(stream.detach().await));
    lingers(by_the_library, async |stream| drop(stream.detach().await.attach()));
    lingers(by_the_library, async |stream| {
        drop(TcpStream::from_std(stream.into_std().unwrap()));
    });
}

#[test]
fn f8_nor_one_that_was_set_past_the_library() {
    lingers(past_the_library, async |stream| drop(stream));
    lingers(past_the_library, async |stream| stream.close().await.unwrap());
    lingers(past_the_library, close_cancelled);
}

/// Where no runtime is, the thread itself closes.
#[test]
fn f8_nor_does_it_hold_a_thread_without_a_core() {
    lingers(by_the_library, async |stream| {
        let detached = stream.detach().await;
        thread::spawn(move || drop(detached)).join().unwrap();
    });
}

/// A socket that was accepted has the options of its listener.
#[test]
fn f8_nor_one_that_was_inherited() {
    alone(|| {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            SockRef::from(&listener).set_linger(HOUR).unwrap();
            let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            assert_eq!(SockRef::from(&stream).linger().unwrap(), HOUR);
            fill_send_side(&stream);
            stream.close().await.unwrap();
            drop(peer);
        });
    });
}

/// More than the kernel has threads for, of which each would wait for an hour.
#[test]
fn f8_many_that_linger_do_not_hold_their_nursery() {
    alone(|| {
        let peers = block_on(async {
            nursery(async |_| {
                let mut peers = Vec::new();
                for _ in 0..100 {
                    let (stream, peer) = pair().await;
                    stream.set_linger(HOUR).unwrap();
                    fill_send_side(&stream);
                    peers.push(peer);
                }
                Ok::<_, Error>(peers)
            })
            .await
        });
        assert_eq!(peers.unwrap().len(), 100);
    });
}

#[test]
fn i4_a_linger_of_zero_resets() {
    alone(|| {
        for awaited in [false, true] {
            let mut peer = block_on(async {
                let (stream, peer) = pair().await;
                stream.set_linger(Some(Duration::ZERO)).unwrap();
                if awaited {
                    stream.close().await.unwrap()
                } else {
                    drop(stream)
                }
                peer
            });
            let reset = peer.read(&mut [0]).unwrap_err();
            assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        }
    });
}

/// One that a peer has passed and no code takes: closed here, and with no other owner left.
#[test]
fn f8_a_descriptor_that_was_passed_and_lingers_holds_nothing_up() {
    alone(|| {
        let (peer, sent) = block_on(async {
            let (stream, peer) = pair().await;
            let sent = fill_send_side(&stream);
            let (from, to) = UnixStream::pair().unwrap();
            let copy = stream.as_fd().try_clone_to_owned().unwrap();
            from.send_msg("x", vec![stream]).await.0.unwrap();
            SockRef::from(&copy).set_linger(HOUR).unwrap();
            drop(copy);
            let message = to.recv_msg(vec![0; 8], 0).await.0.unwrap();
            assert!(message.control_truncated);
            sleep(MS).await; // for an hour, if the core closes it itself
            (peer, sent)
        });
        assert_received(peer, sent);
    });
}
