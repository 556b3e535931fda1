//! Descriptors that the kernel made for somebody who is gone.

use crate::support::{
    Count, descriptors, fill, pair, poll_counted, poll_once, sees_the_end, turn, until_woken,
};
use crate::{alone, assert_balanced, listener};
use nestling::net::{TcpListener, TcpStream};
use nestling::task::yield_now;
use nestling::{Runtime, nursery};
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A client, whose reads give up long after the time that a close takes.
fn connect(address: net::SocketAddr) -> net::TcpStream {
    let client = net::TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    client
}

/// Starts 50 accepts, has as many clients connect, and drops the accepts in one turn, through a
/// queue of 8: the kernel accepts for those whose cancel has to wait for room.
async fn drop_accepts(listener: &TcpListener, address: net::SocketAddr) -> Vec<net::TcpStream> {
    let mut accepts: Vec<_> = (0..50).map(|_| Box::pin(listener.accept())).collect();
    for accept in &mut accepts {
        assert!(poll_once(accept.as_mut()).await.is_pending());
    }
    turn().await;
    let clients = (0..50).map(|_| connect(address)).collect();
    drop(accepts);
    clients
}

/// Connections that came for dropped accepts go to the next ones, and the others do too.
#[test]
fn b1_dropped_accept_leaks_no_connection() {
    alone(|| {
        let (listener, address) = listener();
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        runtime.block_on(yield_now());
        let before = descriptors();
        for _ in 0..20 {
            let mut clients = runtime.block_on(drop_accepts(&listener, address));
            for _ in 0..50 {
                drop(runtime.block_on(listener.accept()).unwrap());
            }
            assert!(clients.iter_mut().all(sees_the_end));
        }
        assert_eq!(descriptors(), before);
        let stats = assert_balanced(&runtime);
        assert!(stats.resumed > 0, "some accepts won against their cancel: {stats:?}");
        assert_eq!((stats.withdrawn, stats.resumed + stats.discarded), (0, 1_000), "{stats:?}");
    });
}

/// The same with listeners that are dropped before anybody else accepts.
#[test]
fn b1_dropped_accept_closes_connection() {
    alone(|| {
        let mut runtime = Runtime::builder().entries(8).build().unwrap();
        runtime.block_on(yield_now());
        let before = descriptors();
        for inside in [false, true].repeat(10) {
            let (listener, address) = listener();
            let mut listener = Some(listener);
            let mut clients = runtime.block_on(async {
                let clients = drop_accepts(listener.as_ref().unwrap(), address).await;
                if inside {
                    listener = None;
                }
                clients
            });
            drop(listener);
            assert!(clients.iter_mut().all(sees_the_end));
        }
        assert_eq!(descriptors(), before);
        let stats = assert_balanced(&runtime);
        assert!(stats.resumed > 0, "some connections came while there was a listener: {stats:?}");
        let closed = stats.resumed + stats.discarded - 1_000;
        // The listeners that were dropped inside are ten of them.
        assert!(closed > 10, "some came when it was gone: {stats:?}");
    });
}

/// The accept has its answer, and was not polled since: the next one gets the connection.
#[test]
fn b1_answered_accept_leaks_no_connection() {
    alone(|| {
        let (listener, address) = listener();
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            for _ in 0..1_000 {
                let mut accept = Box::pin(listener.accept());
                let count = Arc::new(Count::default());
                assert!(poll_counted(accept.as_mut(), &count).is_pending());
                let mut client = connect(address);
                until_woken(&count).await;
                drop(accept);
                drop(listener.accept().await.unwrap());
                while !ended(&mut client) {
                    yield_now().await;
                }
            }
        });
        assert_eq!(assert_balanced(&runtime).resumed, 1_000);
    });
}

/// Whether a connection has ended, without waiting for it.
fn ended(client: &mut net::TcpStream) -> bool {
    client.set_nonblocking(true).unwrap();
    let ended = match io::Read::read(client, &mut [0; 16]) {
        Ok(0) => true,
        Ok(_) => panic!("nobody sent anything"),
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    };
    client.set_nonblocking(false).unwrap();
    ended
}

/// The same with the nursery that was cancelled: what a child's accept had won is not lost.
#[test]
fn b1_accept_dropped_with_its_nursery_leaks_no_connection() {
    alone(|| {
        let (listener, address) = listener();
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(yield_now());
        let before = descriptors();
        for _ in 0..200 {
            let client = RefCell::new(None);
            let accepted = runtime.block_on(async {
                nursery(async |n| {
                    let child = n.spawn(async { listener.accept().await.map(drop) });
                    turn().await;
                    *client.borrow_mut() = Some(connect(address));
                    n.cancel();
                    Ok::<_, io::Error>(child.await.is_ok())
                })
                .await
            });
            // Delivered to the child, which dropped it, or never accepted: closed in either case,
            // as far as it was accepted.
            if accepted.unwrap() {
                assert!(sees_the_end(client.borrow_mut().as_mut().unwrap()));
            } else {
                runtime.block_on(listener.accept()).unwrap();
            }
        }
        assert_eq!(descriptors(), before);
        assert_balanced(&runtime);
    });
}

/// Ten connections are accepted and no task has looked at the answers when the runtime ends.
#[test]
fn b3_unreaped_connections_are_closed_at_shutdown() {
    alone(|| {
        let before = descriptors();
        let (listener, address) = listener();
        let mut clients = Vec::new();
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let mut accepts: Vec<_> = (0..10).map(|_| Box::pin(listener.accept())).collect();
            for accept in &mut accepts {
                assert!(poll_once(accept.as_mut()).await.is_pending());
            }
            yield_now().await;
            clients.extend((0..10).map(|_| connect(address)));
            // The kernel has all ten; the accepts go with the future.
        });
        assert_balanced(&runtime);
        drop(runtime);
        drop(listener);
        // They were kept for the next accepts, and go with the listener.
        assert!(clients.iter_mut().all(sees_the_end));
        drop(clients);
        assert_eq!(descriptors(), before);
    });
}

/// An answer that was taken from the kernel, and kept beyond the end of the runtime: it is not lost
/// to the next one.
#[test]
fn b3_connection_kept_unpolled_beyond_the_runtime_is_not_lost() {
    alone(|| {
        let before = descriptors();
        let (listener, address) = listener();
        let listener = &*Box::leak(Box::new(listener));
        let mut runtime = Runtime::builder().build().unwrap();
        let mut accept = Box::pin(listener.accept());
        let mut client = runtime.block_on(async {
            let count = Arc::new(Count::default());
            assert!(poll_counted(accept.as_mut(), &count).is_pending());
            let client = connect(address);
            until_woken(&count).await;
            client
        });
        assert_balanced(&runtime);
        drop(runtime);
        drop(accept);
        let (server, peer) = nestling::block_on(listener.accept()).unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        drop(server);
        assert!(sees_the_end(&mut client));
        drop(client);
        let left = descriptors().len() - before.len();
        assert_eq!(left, 1, "the listener, which was leaked");
    });
}

/// `block_on` ends with each kind of operation in flight: it has them cancelled, and returns.
#[test]
fn g7_block_on_ends_with_every_kind_in_flight() {
    alone(|| {
        let before = descriptors();
        let mut runtime = Runtime::builder().build().unwrap();
        runtime.block_on(async {
            let (listener, _) = listener();
            let (silent, _peer) = pair();
            let (full, _peer) = pair();
            let mut sender = UnixStream::from(full.as_fd().try_clone_to_owned().unwrap());
            sender.set_nonblocking(true).unwrap();
            fill(&mut sender);
            sender.set_nonblocking(false).unwrap();
            drop(sender);
            let (closing, _peer) = pair();
            let (shut, _peer) = pair();
            let mut accept = pin!(listener.accept());
            let mut read = pin!(silent.read(vec![0; 64]));
            let mut write = pin!(full.write(vec![0; 64]));
            let mut sleep = pin!(nestling::time::sleep(Duration::MAX));
            let mut nop = pin!(nestling_runtime::lowlevel::nop());
            let mut close = pin!(closing.close());
            let mut shutdown = pin!(shut.shutdown(net::Shutdown::Both));
            let mut connect = pin!(TcpStream::connect("127.0.0.1:1"));
            assert!(poll_once(accept.as_mut()).await.is_pending());
            assert!(poll_once(read.as_mut()).await.is_pending());
            assert!(poll_once(write.as_mut()).await.is_pending());
            assert!(poll_once(sleep.as_mut()).await.is_pending());
            yield_now().await;
            assert!(poll_once(nop.as_mut()).await.is_pending());
            assert!(poll_once(close.as_mut()).await.is_pending());
            assert!(poll_once(shutdown.as_mut()).await.is_pending());
            assert!(poll_once(connect.as_mut()).await.is_pending());
        });
        let stats = assert_balanced(&runtime);
        assert_eq!(stats.cancel_requests, 3, "accept, read, write");
        assert_eq!(stats.withdrawn, 4, "what the kernel had not seen");
        drop(runtime);
        assert_eq!(descriptors(), before);
    });
}

/// The same with futures that outlive the runtime: they are answered, and hold nothing.
#[test]
fn g7_futures_that_outlive_the_runtime_are_answered() {
    alone(|| {
        let before = descriptors();
        let (stream, peer) = pair();
        let stream = Rc::new(stream);
        let mut read = {
            let stream = Rc::clone(&stream);
            Box::pin(async move { stream.read(vec![0; 64]).await })
        };
        let mut first = Runtime::builder().build().unwrap();
        first.block_on(async {
            assert!(poll_once(read.as_mut()).await.is_pending());
            yield_now().await;
        });
        assert_balanced(&first);
        drop(first);
        // It was cancelled at the end of the first; the answer waits for the next poll.
        let (result, buffer) = nestling::block_on(read);
        assert!(nestling::is_cancelled(&result.unwrap_err()));
        assert_eq!(buffer.len(), 64);
        drop((stream, peer));
        assert_eq!(descriptors(), before);
    });
}
