//! Accepts: a connection that came for one that was dropped goes to another.

use crate::support::descriptors;
use crate::support::random::Random;
use crate::support::{Count, end_turn, poll_counted, poll_once, sees_the_end, turn, until_woken};
use crate::{answered, at_once, connect, listener, run, start, submitted};
use futures_util::future::select;
use nestling::net::TcpStream;
use nestling::nursery;
use nestling::task::yield_now;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::thread;

#[test]
fn r17_an_answered_accept_leaves_its_connection() {
    let stats = run(async || {
        let (listener, address) = listener();
        for _ in 0..100 {
            let mut client = None;
            drop(answered(listener.accept(), || client = Some(connect(address))).await);
            let client = client.unwrap();
            let (_server, peer) = at_once(listener.accept()).await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
    });
    assert_eq!(stats.resumed, 100, "{stats:?}");
}

/// A turn that is over is no reason to lose it: it stays, and an accept of the next turn gets it.
#[test]
fn r18_a_parked_connection_stays_when_the_turn_is_over() {
    run(async || {
        let (listener, address) = listener();
        let mut client = None;
        drop(answered(listener.accept(), || client = Some(connect(address))).await);
        let client = client.unwrap();
        end_turn().await;
        let before = submitted();
        assert!(poll_once(pin!(listener.accept())).await.is_pending());
        let (_server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(submitted(), before, "the kernel was not asked");
    });
}

/// What the kernel never saw takes nothing out of the backlog.
#[test]
fn r17_an_accept_that_never_entered_leaves_the_backlog() {
    let stats = run(async || {
        let (listener, address) = listener();
        let client = connect(address);
        assert!(poll_once(pin!(listener.accept())).await.is_pending());
        turn().await;
        let (_server, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
    assert_eq!((stats.withdrawn, stats.resumed), (1, 0), "{stats:?}");
}

#[test]
fn r17_parked_connections_come_in_the_order_in_which_they_were_left() {
    run(async || {
        let (listener, address) = listener();
        let (mut accepts, mut clients) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let connect = || clients.push(connect(address));
            accepts.push(answered(listener.accept(), connect).await);
        }
        accepts.into_iter().for_each(drop);
        // One that the kernel has comes last.
        clients.push(connect(address));
        let before = submitted();
        for (at, client) in clients.iter().enumerate() {
            assert_eq!(submitted(), before, "the kernel was asked before number {at}");
            let (_server, peer) = listener.accept().await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
    });
}

/// Two accepts wait, and the one that the kernel had chosen is dropped: the other gets it.
#[test]
fn r17_two_accepts_wait_and_the_answered_one_is_dropped() {
    let stats = run(async || {
        for _ in 0..100 {
            let (listener, address) = listener();
            let mut accepts = [0, 1].map(|_| (Box::pin(listener.accept()), Arc::default()));
            for (accept, count) in &mut accepts {
                assert!(poll_counted(accept.as_mut(), count).is_pending());
            }
            turn().await;
            let client = connect(address);
            while accepts.iter().all(|(_, count): &(_, Arc<Count>)| count.get() == 0) {
                yield_now().await;
            }
            let [first, second] = accepts;
            let (chosen, other) = match first.1.get() {
                0 => (second, first),
                _ => (first, second),
            };
            assert_eq!(other.1.get(), 0);
            drop(chosen);
            // It is told, and does not sleep until another client comes.
            until_woken(&other.1).await;
            let (_server, peer) = other.0.await.unwrap();
            assert_eq!(peer, client.local_addr().unwrap());
        }
    });
    assert_eq!(stats.resumed, 100, "{stats:?}");
}

/// One that waits is not polled: another one, which is, gets the connection.
#[test]
fn r17_an_accept_that_nobody_polls_is_not_waited_for() {
    run(async || {
        let (listener, address) = listener();
        let mut chosen = Box::pin(listener.accept());
        start(chosen.as_mut()).await;
        let unpolled = Arc::new(Count::default());
        let mut idle = Box::pin(listener.accept());
        assert!(poll_counted(idle.as_mut(), &unpolled).is_pending());
        let mut waits = Box::pin(listener.accept());
        start(waits.as_mut()).await;
        let client = connect(address);
        turn().await;
        turn().await;
        drop(chosen);
        let (_server, peer) = waits.await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert_eq!(unpolled.get(), 1, "it was told as well");
    });
}

/// The same with accepts that are dropped in flight. The kernel has chosen the first one: its
/// cancel is asked for before it can accept, or so late that it wins. The one that waits was not
/// chosen, and gets the connection either way.
#[test]
fn r17_one_accept_waits_while_many_are_dropped_in_flight() {
    for last_one_first in [false, true] {
        let stats = run(async || {
            for _ in 0..50 {
                let (listener, address) = listener();
                let mut accepts: Vec<_> = (0..20).map(|_| Box::pin(listener.accept())).collect();
                for accept in &mut accepts {
                    assert!(poll_once(accept.as_mut()).await.is_pending());
                }
                turn().await;
                let client = connect(address);
                let waits = accepts.pop().unwrap();
                if last_one_first {
                    accepts.reverse();
                }
                accepts.into_iter().for_each(drop);
                let (_server, peer) = waits.await.unwrap();
                assert_eq!(peer, client.local_addr().unwrap());
            }
        });
        let won = if last_one_first { 50 } else { 0 };
        assert_eq!(stats.resumed, won, "{stats:?}");
    }
}

/// The same with an accept that is cancelled, and told so: a child beside it goes on.
#[test]
fn r17_one_accept_waits_while_another_is_cancelled() {
    run(async || {
        for _ in 0..50 {
            let (listener, address) = listener();
            let result = nursery(async |n| {
                let mut client = None;
                let cancelled = nursery(async |inner| {
                    let chosen = inner.spawn(async { listener.accept().await.map(drop) });
                    turn().await;
                    let waits = n.spawn(async { listener.accept().await });
                    turn().await;
                    client = Some(connect(address));
                    inner.cancel();
                    assert!(chosen.await.is_err());
                    Ok::<_, io::Error>(waits)
                });
                let (_server, peer) = cancelled.await?.await?;
                assert_eq!(peer, client.unwrap().local_addr()?);
                Ok::<_, io::Error>(())
            });
            result.await.unwrap();
        }
    });
}

/// As many connects as accepts that are dropped at every stage: each connection is accepted once.
#[test]
fn e2_every_connection_is_accepted_once() {
    const CLIENTS: usize = 64;
    let stats = run(async || {
        let mut random = Random::new(17);
        for _ in 0..20 {
            let (listener, address) = listener();
            let clients = thread::spawn(move || [(); CLIENTS].map(|()| connect(address)));
            let mut accepted = Vec::new();
            while accepted.len() < CLIENTS {
                let accepts = 1 + random.below(4);
                let mut accepts: Vec<_> =
                    (0..accepts).map(|_| Box::pin(listener.accept())).collect();
                let turns = random.below(4);
                for _ in 0..turns {
                    for accept in &mut accepts {
                        // One that has ended is replaced, so that it is not polled again.
                        if let std::task::Poll::Ready(result) = poll_once(accept.as_mut()).await {
                            accepted.push(result.unwrap());
                            *accept = Box::pin(listener.accept());
                        }
                    }
                    turn().await;
                }
            }
            let clients = clients.join().unwrap();
            assert_each_once(&accepted, clients.map(|client| client.local_addr().unwrap()));
            // And none is left.
            assert!(poll_once(pin!(listener.accept())).await.is_pending());
        }
    });
    assert!(stats.resumed > 0 && stats.withdrawn > 0, "{stats:?}");
}

#[track_caller]
fn assert_each_once<const N: usize>(
    accepted: &[(TcpStream, SocketAddr)],
    clients: [SocketAddr; N],
) {
    let peers: BTreeSet<_> = accepted.iter().map(|(_, peer)| *peer).collect();
    assert_eq!((accepted.len(), peers.len()), (N, N));
    assert!(clients.iter().all(|client| peers.contains(client)));
}

/// Trap 1: of two accepts in a `select`, the loser had won.
#[test]
fn r17_the_loser_of_a_select_that_had_won() {
    run(async || {
        let ((one, first), (two, second)) = (listener(), listener());
        let mut clients = Vec::new();
        let result = nursery(async |n| {
            let both = n.spawn(async {
                let mut first_accept = Box::pin(one.accept());
                let mut second_accept = Box::pin(two.accept());
                start(first_accept.as_mut()).await;
                start(second_accept.as_mut()).await;
                clients.extend([connect(first), connect(second)]);
                turn().await;
                turn().await;
                let (won, _lost) = select(first_accept, second_accept).await.factor_first();
                won.map(drop)
            });
            both.await.map_err(io::Error::from)
        });
        result.await.unwrap();
        assert!(sees_the_end(&mut clients[0]), "it was delivered, and dropped");
        let (_server, peer) = at_once(two.accept()).await.unwrap();
        assert_eq!(peer, clients[1].local_addr().unwrap());
    });
}

/// A parked connection is closed with its listener, in the nursery around that.
#[test]
fn r17_a_parked_connection_is_closed_with_its_listener() {
    run(async || {
        for ending in 0..3 {
            let before = descriptors().len();
            let mut client = None;
            let result = nursery(async |n| {
                n.spawn(async {
                    let (listener, address) = listener();
                    drop(answered(listener.accept(), || client = Some(connect(address))).await);
                    match ending {
                        0 => drop(listener),
                        1 => listener.close().await?,
                        _ => drop(listener.into_std()?),
                    }
                    Ok(())
                });
                Ok::<_, io::Error>(())
            });
            result.await.unwrap();
            assert_eq!(descriptors().len(), before + 1, "the client's, after ending {ending}");
            assert!(sees_the_end(&mut client.unwrap()));
        }
    });
}

/// The listener goes while dropped accepts are in flight: who is accepted all the same is closed.
#[test]
fn r17_a_connection_that_comes_after_its_listener_has_gone() {
    let stats = run(async || {
        for _ in 0..20 {
            let (listener, address) = listener();
            let mut accepts: Vec<_> = (0..50).map(|_| Box::pin(listener.accept())).collect();
            for accept in &mut accepts {
                assert!(poll_once(accept.as_mut()).await.is_pending());
            }
            turn().await;
            let mut clients: Vec<_> = (0..50).map(|_| connect(address)).collect();
            drop(accepts);
            drop(listener);
            turn().await;
            for client in &mut clients {
                client.set_nonblocking(true).unwrap();
                while !has_ended(client) {
                    yield_now().await;
                }
            }
        }
    });
    assert_eq!(stats.resumed, 0, "there was nobody to have it: {stats:?}");
    assert!(stats.discarded > 1_020, "some connections were closed by the ring: {stats:?}");
    // Each accept, each listener, and the close of each connection.
    assert_eq!(stats.discarded, 1_020 + stats.lost, "{stats:?}");
}

/// Whether a connection has ended, without waiting for it.
fn has_ended(client: &mut std::net::TcpStream) -> bool {
    match io::Read::read(client, &mut [0; 16]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}
