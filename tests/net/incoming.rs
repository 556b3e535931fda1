//! Connections that come one after the other, for one request: each is delivered, handed on, or
//! closed, in order, until the last.

use crate::support::{descriptors, end_turn, poll_once, sees_the_end, turn};
use crate::{Crowd, connect, listener, run, start, submitted};
use nestling::net::{Incoming, TcpStream};
use socket2::SockRef;
use std::collections::BTreeSet;
use std::net::{self, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

pub(crate) fn clients(address: SocketAddr, count: usize) -> Vec<net::TcpStream> {
    (0..count).map(|_| connect(address)).collect()
}

/// The addresses of clients.
pub(crate) fn peers(clients: &[net::TcpStream]) -> Vec<SocketAddr> {
    clients.iter().map(|client| client.local_addr().unwrap()).collect()
}

/// The next connection, which is there already.
async fn at_once(incoming: &mut Incoming<'_>) -> (TcpStream, SocketAddr) {
    match poll_once(pin!(incoming.next())).await {
        Poll::Ready(connection) => connection.unwrap(),
        Poll::Pending => panic!("it is not there yet"),
    }
}

/// Has the kernel be asked, and connections come that nothing takes.
pub(crate) async fn unread(
    incoming: &mut Incoming<'_>,
    address: SocketAddr,
    count: usize,
) -> Vec<net::TcpStream> {
    start(pin!(incoming.next())).await;
    let clients = clients(address, count);
    for _ in 0..4 {
        turn().await;
    }
    clients
}

#[test]
fn r17_the_kernel_is_asked_once_for_many_connections() {
    run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        start(pin!(incoming.next())).await;
        let before = submitted();
        for _ in 0..100 {
            let client = connect(address);
            let (server, peer) = incoming.next().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
            server.close().await.unwrap();
        }
        assert_eq!(submitted() - before, 100, "the closes");
    });
}

#[test]
fn r17_connections_come_in_order_and_each_is_what_it_says() {
    run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        let clients = unread(&mut incoming, address, 40).await;
        for client in &clients {
            let (server, peer) = at_once(&mut incoming).await;
            assert_eq!(peer, client.local_addr().unwrap());
            assert_eq!(server.peer_addr().unwrap(), peer);
        }
    });
}

/// Of those that come in one batch, only so many are accepted that may wait; the others stay in the
/// backlog, and come later.
#[test]
fn g8_connections_that_nothing_takes_are_not_accepted_without_bound() {
    run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        start(pin!(incoming.next())).await;
        let before = descriptors().len();
        let mut waiting = Vec::new();
        for _ in 0..8 {
            waiting.extend(clients(address, 20));
            turn().await;
        }
        let accepted = descriptors().len() - before - waiting.len();
        assert!((64..120).contains(&accepted), "{accepted}");
        for client in &waiting {
            let (_server, peer) = incoming.next().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
        // And it goes on.
        let client = connect(address);
        assert_eq!(incoming.next().await.unwrap().1, client.local_addr().unwrap());
    });
}

#[test]
fn r17_connections_that_were_not_taken_go_to_the_next_accept() {
    let stats = run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        let clients = unread(&mut incoming, address, 3).await;
        drop(incoming);
        for client in &clients {
            let (_server, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
    });
    assert_eq!(stats.resumed, 3, "{stats:?}");
}

/// The same, if the kernel accepts them after that, because its cancel has to wait.
#[test]
fn r17_connections_that_come_while_it_is_dropped_are_not_lost() {
    let stats = run(async || {
        for late in [false, true].into_iter().cycle().take(50) {
            let (listener, address) = listener();
            let mut crowd = Crowd::new().await;
            let mut incoming = listener.incoming();
            start(pin!(incoming.next())).await;
            crowd.cancel(late);
            drop(incoming);
            let clients = clients(address, 5);
            let mut peers = BTreeSet::new();
            for _ in &clients {
                peers.insert(listener.accept().await.unwrap().1);
            }
            assert_eq!(peers, clients.iter().map(|it| it.local_addr().unwrap()).collect());
        }
    });
    assert!(stats.resumed > 50, "{stats:?}");
}

#[test]
fn r15_connections_that_were_not_taken_are_closed_with_the_listener() {
    let stats = run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        let mut clients = unread(&mut incoming, address, 3).await;
        drop(incoming);
        listener.close().await.unwrap();
        turn().await;
        assert!(clients.iter_mut().all(sees_the_end));
    });
    assert_eq!(stats.resumed, 3, "{stats:?}");
}

/// The future of the next one is dropped again and again while they come.
#[test]
fn r17_what_loses_a_select_loses_no_connection() {
    run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        let mut peers = Vec::new();
        let mut all = Vec::new();
        while peers.len() < 50 {
            if all.len() < 50 {
                all.push(connect(address));
            }
            if let Poll::Ready(next) = poll_once(pin!(incoming.next())).await {
                peers.push(next.unwrap().1);
            }
            turn().await;
        }
        let expected: Vec<_> = all.iter().map(|it| it.local_addr().unwrap()).collect();
        assert_eq!(peers, expected);
    });
}

/// The last answer is an error; after that it can be asked again.
#[test]
fn b_a_listener_that_is_shut_down_says_so_each_time() {
    run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        let clients = unread(&mut incoming, address, 2).await;
        SockRef::from(&listener).shutdown(net::Shutdown::Read).unwrap();
        for client in &clients {
            assert_eq!(incoming.next().await.unwrap().1, client.local_addr().unwrap());
        }
        for _ in 0..3 {
            let error = incoming.next().await.unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{error}");
        }
    });
}

/// A connection that its client has reset, before it was taken.
#[test]
fn i4_a_connection_that_was_given_up_is_passed_over() {
    run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        let mut clients = unread(&mut incoming, address, 3).await;
        let given_up = clients.remove(1);
        SockRef::from(&given_up).set_linger(Some(Duration::ZERO)).unwrap();
        drop(given_up);
        for client in &clients {
            assert_eq!(incoming.next().await.unwrap().1, client.local_addr().unwrap());
        }
    });
}

/// Accepts beside it, one of which has taken the wake for a connection, and is dropped.
#[test]
fn r17_an_accept_that_is_cut_short_beside_it() {
    run(async || {
        for _ in 0..50 {
            let (listener, address) = listener();
            let mut accept = Box::pin(listener.accept());
            start(accept.as_mut()).await;
            let mut incoming = listener.incoming();
            start(pin!(incoming.next())).await;
            let client = connect(address);
            drop(accept);
            assert_eq!(incoming.next().await.unwrap().1, client.local_addr().unwrap());
        }
    });
}

/// Connections that are there already do not keep others from their turn.
#[test]
fn r18_connections_that_are_there_let_others_run() {
    run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        let clients = unread(&mut incoming, address, 20).await;
        end_turn().await;
        assert!(poll_once(pin!(incoming.next())).await.is_pending());
        for client in &clients {
            assert_eq!(incoming.next().await.unwrap().1, client.local_addr().unwrap());
        }
    });
}
