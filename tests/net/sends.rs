//! Sends that are short, that wait for room, and that are cancelled there; shutdowns and closes.

use crate::support::{fill, pair, tcp_pair, turn};
use crate::{run, start};
use nestling::buf::BufResult;
use nestling::io::nursery;
use nestling::is_cancelled;
use nestling::net::TcpStream;
use socket2::{Domain, SockRef, Socket, Type};
use std::cell::Cell;
use std::future::Future;
use std::io::{self, ErrorKind, Read};
use std::net::{self, Shutdown, SocketAddr};
use std::os::fd::OwnedFd;
use std::pin::Pin;

/// More than a connection has room for.
const LARGE: usize = 32 << 20;

/// The ways in which bytes are sent from a buffer that comes back.
type Way = for<'a> fn(&'a TcpStream, usize) -> Pin<Box<dyn Future<Output = Sent> + 'a>>;

/// How many bytes went, and how many the buffer has.
type Sent = BufResult<usize, usize>;

fn write(stream: &TcpStream, length: usize) -> Pin<Box<dyn Future<Output = Sent> + '_>> {
    Box::pin(async move {
        let (result, buffer) = stream.write(vec![7; length]).await;
        (result, buffer.len())
    })
}

fn writev(stream: &TcpStream, length: usize) -> Pin<Box<dyn Future<Output = Sent> + '_>> {
    Box::pin(async move {
        let (result, buffers) = stream.writev(vec![vec![7; length / 2]; 2]).await;
        (result, buffers.iter().map(Vec::len).sum())
    })
}

fn send_zc(stream: &TcpStream, length: usize) -> Pin<Box<dyn Future<Output = Sent> + '_>> {
    Box::pin(async move {
        // The buffer comes back with the notification, if at all: see `zero_copy.rs`.
        (stream.send_zc(vec![7; length]).await.0, length)
    })
}

const WAYS: [Way; 3] = [write, writev, send_zc];

#[test]
fn a_send_that_is_short_says_so() {
    run(async || {
        for way in WAYS {
            let (stream, mut peer) = tcp_pair("127.0.0.1:0").await;
            let (result, buffer) = way(&stream, LARGE).await;
            let gone = result.unwrap();
            assert!((1..LARGE).contains(&gone), "{gone}");
            assert_eq!(buffer, LARGE);
            stream.shutdown(Shutdown::Write).await.unwrap();
            let reading = std::thread::spawn(move || peer.read_to_end(&mut Vec::new()).unwrap());
            assert_eq!(reading.join().unwrap(), gone);
        }
    });
}

/// A connection without room, for a send of any length: neither end's buffer grows, and what was in
/// flight at first has arrived.
async fn full() -> (TcpStream, net::TcpStream) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.set_recv_buffer_size(16 << 10).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(1).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let own = SockRef::from(&stream);
    own.set_send_buffer_size(16 << 10).unwrap();
    for _ in 0..20 {
        own.set_nonblocking(true).unwrap();
        fill(&mut &*own);
        own.set_nonblocking(false).unwrap();
        turn().await;
    }
    (stream, listener.accept().unwrap().0.into())
}

/// B1, R6: what waits for room hears of the cancel, once, gets its buffer back, and has sent
/// nothing. A connection over TCP may find room after all: then another one is tried.
#[test]
fn b1_a_cancelled_send_gives_its_buffer_back() {
    run(async || {
        for way in WAYS {
            let heard = Cell::new(false);
            while !heard.get() {
                let (stream, mut peer) = full().await;
                nursery(async |n| {
                    n.spawn(async {
                        let (result, buffer) = way(&stream, 64).await;
                        assert_eq!(buffer, 64);
                        heard.set(result.is_err_and(|error| is_cancelled(&error)));
                        Ok(())
                    });
                    turn().await;
                    turn().await;
                    n.cancel();
                    Ok(())
                })
                .await
                .unwrap();
                stream.close().await.unwrap();
                let reading = std::thread::spawn(move || {
                    let mut all = Vec::new();
                    peer.read_to_end(&mut all).unwrap();
                    all
                });
                assert_eq!(reading.join().unwrap().contains(&7), !heard.get());
            }
        }
    });
}

/// It is cancelled when there is room again: then it was sent as a whole, or not at all, and says
/// which.
#[test]
fn b1_a_send_that_races_its_cancel_tells_what_was_sent() {
    run(async || {
        for round in 0..30 {
            let (stream, mut peer) = full().await;
            let told = Cell::new(0);
            nursery(async |n| {
                n.spawn(async {
                    let (result, _) = WAYS[round % WAYS.len()](&stream, 64).await;
                    match result {
                        Ok(sent) => told.set(sent),
                        Err(error) => assert!(is_cancelled(&error)),
                    }
                    Ok(())
                });
                turn().await;
                turn().await;
                peer.set_nonblocking(true)?;
                while peer.read(&mut [0; 1 << 16]).is_ok() {}
                n.cancel();
                Ok(())
            })
            .await
            .unwrap();
            stream.shutdown(Shutdown::Write).await.unwrap();
            peer.set_nonblocking(false).unwrap();
            let mut rest = Vec::new();
            peer.read_to_end(&mut rest).unwrap();
            assert_eq!(rest.iter().filter(|byte| **byte == 7).count(), told.get());
        }
    });
}

#[test]
fn a_shutdown_of_what_is_not_connected_is_an_error() {
    run(async || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let stream = TcpStream::from_std(OwnedFd::from(socket).into()).unwrap();
        let error = stream.shutdown(Shutdown::Both).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        stream.close().await.unwrap();
    });
}

/// It does not wait, so a cancel finds it done; what comes behind it ends.
#[test]
fn a_shutdown_and_a_close_go_on_in_a_cancelled_task() {
    run(async || {
        for closes in [false, true] {
            let (stream, mut peer) = pair();
            nursery(async |n| {
                n.spawn(async {
                    let mut end: Pin<Box<dyn Future<Output = io::Result<()>>>> = match closes {
                        true => Box::pin(stream.close()),
                        false => Box::pin(async move { stream.shutdown(Shutdown::Both).await }),
                    };
                    start(end.as_mut()).await;
                    end.await
                });
                turn().await;
                n.cancel();
                Ok(())
            })
            .await
            .unwrap();
            assert_eq!(peer.read(&mut [0]).unwrap(), 0);
        }
    });
}
