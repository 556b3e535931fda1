//! Zero-copy sends: the result first, the buffer with the notification, and who has it in between.

use crate::support::{descriptors, fill, pair, poll_once, turn};
use crate::{alone, run};
use nestling::io::nursery;
use nestling::net::{TcpStream, UdpSocket};
use nestling::{Runtime, is_cancelled};
use socket2::{Domain, SockRef, Socket, Type};
use std::cell::Cell;
use std::io::{ErrorKind, Read};
use std::net::{self, SocketAddr};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// More than the peer takes unread, and less than the sender's side of the connection has room for.
const LENGTH: usize = 256 << 10;

/// A connection of which the peer takes little before it reads: most of what is sent stays here.
async fn narrow() -> (TcpStream, net::TcpStream) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.set_recv_buffer_size(32 << 10).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(1).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    SockRef::from(&stream).set_send_buffer_size(1 << 20).unwrap();
    (stream, listener.accept().unwrap().0.into())
}

fn bytes() -> Rc<[u8]> {
    (0..LENGTH).map(|at| (at ^ at >> 8) as u8).collect()
}

/// Reads all that was sent, on a thread, while the loop turns until the runtime has let go of it.
async fn released(mut peer: net::TcpStream, sent: &Rc<[u8]>) -> net::TcpStream {
    assert_eq!(Rc::strong_count(sent), 2, "the kernel reads it until then");
    let reading = thread::spawn(move || {
        let mut received = vec![0; LENGTH];
        peer.read_exact(&mut received).unwrap();
        (peer, received)
    });
    while Rc::strong_count(sent) > 1 {
        turn().await;
    }
    let (peer, received) = reading.join().unwrap();
    assert!(received == sent[..]);
    peer
}

#[test]
fn d10_the_buffer_comes_back_with_the_notification() {
    run(async || {
        let (stream, mut peer) = narrow().await;
        let (result, sent) = stream.send_zc(bytes()).await;
        assert_eq!(result.unwrap(), LENGTH);
        let mut sent = pin!(sent);
        for _ in 0..10 {
            assert!(poll_once(sent.as_mut()).await.is_pending(), "the peer has not read");
            turn().await;
        }
        let reading = thread::spawn(move || {
            let mut received = vec![0; LENGTH];
            peer.read_exact(&mut received).unwrap();
            received
        });
        let released = sent.await.unwrap();
        assert!(released.was_copied, "as always on loopback");
        assert!(reading.join().unwrap() == released.buffer[..]);
    });
}

/// What the kernel does not take is not sent, as with a plain write.
#[test]
fn a_short_send_tells_how_much_has_gone() {
    run(async || {
        let (stream, mut peer) = narrow().await;
        let (result, sent) = stream.send_zc(vec![7; 8 << 20]).await;
        let gone = result.unwrap();
        assert!((1..8 << 20).contains(&gone));
        drop(stream);
        let reading = thread::spawn(move || peer.read_to_end(&mut Vec::new()).unwrap());
        assert_eq!(sent.await.unwrap().buffer.len(), 8 << 20);
        assert_eq!(reading.join().unwrap(), gone);
    });
}

#[test]
fn d10_a_dropped_buffer_stays_until_the_notification() {
    run(async || {
        let (stream, peer) = narrow().await;
        let buffer = bytes();
        let (result, sent) = stream.send_zc(Rc::clone(&buffer)).await;
        assert_eq!(result.unwrap(), LENGTH);
        drop(sent);
        turn().await;
        // Nor does it keep the connection.
        let number = stream.as_raw_fd();
        drop(stream);
        turn().await;
        turn().await;
        assert!(!descriptors().contains_key(&number));
        let mut peer = released(peer, &buffer).await;
        assert_eq!(peer.read(&mut [0]).unwrap(), 0);
    });
}

/// The result has come, and no code has seen it.
#[test]
fn d10_a_send_that_is_dropped_with_its_result_there() {
    run(async || {
        let (stream, peer) = narrow().await;
        let buffer = bytes();
        {
            let mut sending = pin!(stream.send_zc(Rc::clone(&buffer)));
            assert!(poll_once(sending.as_mut()).await.is_pending());
            turn().await;
        }
        turn().await;
        released(peer, &buffer).await;
    });
}

/// It is dropped before the kernel is asked, and asked in the same turn to end it.
#[test]
fn d10_a_send_that_is_dropped_before_its_result() {
    run(async || {
        let (stream, peer) = narrow().await;
        let buffer = bytes();
        {
            let mut sending = pin!(stream.send_zc(Rc::clone(&buffer)));
            assert!(poll_once(sending.as_mut()).await.is_pending());
        }
        assert_eq!(Rc::strong_count(&buffer), 1, "the kernel never saw it");
        // One that waits for room ends with its drop.
        SockRef::from(&stream).set_nonblocking(true).unwrap();
        fill(&mut &*SockRef::from(&stream));
        SockRef::from(&stream).set_nonblocking(false).unwrap();
        {
            let mut sending = pin!(stream.send_zc(Rc::clone(&buffer)));
            assert!(poll_once(sending.as_mut()).await.is_pending());
            turn().await;
            assert!(poll_once(sending.as_mut()).await.is_pending());
        }
        while Rc::strong_count(&buffer) > 1 {
            turn().await;
        }
        drop(peer);
    });
}

/// R1: a nursery waits for the result alone. R6: the wait for the notification hears of a cancel.
#[test]
fn r01_a_cancelled_wait_leaves_the_buffer_and_no_nursery_waits() {
    run(async || {
        let (stream, peer) = narrow().await;
        let buffer = bytes();
        let told = Cell::new(false);
        nursery(async |n| {
            n.spawn(async {
                let (result, sent) = stream.send_zc(Rc::clone(&buffer)).await;
                assert_eq!(result?, LENGTH);
                told.set(is_cancelled(&sent.await.unwrap_err()));
                Ok(())
            });
            n.spawn(async {
                // Dropped at once.
                drop(stream.send_zc(Vec::<u8>::new()).await.1);
                Ok(())
            });
            for _ in 0..20 {
                turn().await;
            }
            assert!(!told.get());
            n.cancel();
            Ok(())
        })
        .await
        .unwrap();
        assert!(told.get());
        released(peer, &buffer).await;
    });
}

/// K12: whether a notification follows an error is the kernel's affair.
#[test]
fn d12_a_send_that_fails_gives_its_buffer_back() {
    run(async || {
        let (stream, peer) = narrow().await;
        SockRef::from(&peer).set_linger(Some(Duration::ZERO)).unwrap();
        drop(peer);
        let buffer = bytes();
        let (result, sent) = stream.send_zc(Rc::clone(&buffer)).await;
        let kind = result.unwrap_err().kind();
        assert!([ErrorKind::ConnectionReset, ErrorKind::BrokenPipe].contains(&kind));
        drop(sent.await.unwrap());
        assert_eq!(Rc::strong_count(&buffer), 1);
        // Local sockets cannot.
        let (local, _peer) = pair();
        let (result, sent) = local.send_zc(Rc::clone(&buffer)).await;
        assert_eq!(result.unwrap_err().raw_os_error(), Some(libc::EOPNOTSUPP));
        drop(sent);
        turn().await;
        assert_eq!(Rc::strong_count(&buffer), 1);
    });
}

#[test]
fn a_datagram_without_a_copy() {
    run(async || {
        let peer = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        sender.connect(peer.local_addr().unwrap()).await.unwrap();
        let (result, sent) = sender.send_zc(vec![7; 1000]).await;
        assert_eq!(result.unwrap(), 1000);
        assert_eq!(peer.recv(&mut [0; 2000]).unwrap(), 1000);
        assert_eq!(sent.await.unwrap().buffer.len(), 1000);
    });
}

/// The kernel may read it for as long as the peer likes; the runtime is not held up.
#[test]
fn b10_a_runtime_that_ends_before_the_notification_leaks_the_buffer_forgotten() {
    alone(|| {
        let buffer = bytes();
        let mut runtime = Runtime::builder().build().unwrap();
        let mut peer = runtime.block_on(async {
            let (stream, peer) = narrow().await;
            let (result, sent) = stream.send_zc(Rc::clone(&buffer)).await;
            assert_eq!(result.unwrap(), LENGTH);
            drop(sent);
            peer
        });
        drop(runtime);
        assert_eq!(Rc::strong_count(&buffer), 2);
        let mut received = vec![0; LENGTH];
        peer.read_exact(&mut received).unwrap();
        assert!(received == buffer[..]);
    });
}

/// What is awaited where its runtime does not run would wait for ever. The buffer stays lent.
#[test]
fn b10_a_buffer_awaited_in_another_runtime_is_refused_forgotten() {
    alone(|| {
        let buffer = bytes();
        let mut runtime = Runtime::builder().build().unwrap();
        let (sent, second, mut peer) = runtime.block_on(async {
            let (stream, peer) = narrow().await;
            let (result, sent) = stream.send_zc(Rc::clone(&buffer)).await;
            assert_eq!(result.unwrap(), LENGTH);
            (sent, stream.send_zc(Rc::clone(&buffer)).await.1, peer)
        });
        let mut later = Runtime::builder().build().unwrap();
        let error = later.block_on(sent).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("the runtime that has sent it"), "{error}");
        assert_eq!(Rc::strong_count(&buffer), 3, "the kernel may still read it");
        // Its own runtime goes on, and waits for the other one.
        let received = thread::spawn(move || {
            let mut received = vec![0; 2 * LENGTH];
            peer.read_exact(&mut received).unwrap();
            received
        });
        let released = runtime.block_on(second).unwrap();
        assert!(received.join().unwrap() == [&buffer[..], &buffer[..]].concat());
        drop(released);
        runtime.block_on(async {
            while Rc::strong_count(&buffer) > 1 {
                turn().await;
            }
        });
        // One whose runtime is gone.
        let (stream, peer, sent) = runtime.block_on(async {
            let (stream, peer) = narrow().await;
            let (result, sent) = stream.send_zc(Rc::clone(&buffer)).await;
            assert_eq!(result.unwrap(), LENGTH);
            (stream, peer, sent)
        });
        drop((stream, runtime));
        assert!(later.block_on(sent).is_err());
        assert_eq!(Rc::strong_count(&buffer), 2, "leaked: the kernel may still read it");
        drop(peer);
    });
}
