//! Connections that come one after the other, and a cancel: what has come before it is delivered,
//! and what has not is left to others.

use crate::incoming::{clients, peers, unread};
use crate::support::{end_turn, sees_the_end, turn};
use crate::{at_once, connect, listener, run, start};
use nestling::time::sleep;
use nestling::{Cancelled, cancelled, is_cancelled, nursery, timeout};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::pin::pin;
use std::time::Duration;

/// Connections have been accepted when it is cancelled: each of them is delivered, and then the
/// cancel, once.
#[test]
fn r03_a_cancel_behind_connections_that_have_come() {
    run(async || {
        let (listener, address) = listener();
        let (taken, told) = (RefCell::new(Vec::new()), Cell::new(0));
        let mut all = Vec::new();
        let result = nursery(async |n| {
            n.spawn(async {
                let mut incoming = listener.incoming();
                all.extend(unread(&mut incoming, address, 3).await);
                n.cancel();
                loop {
                    match incoming.next().await {
                        Ok((_, peer)) => taken.borrow_mut().push(peer),
                        Err(error) => {
                            assert!(is_cancelled(&error), "{error}");
                            told.set(told.get() + 1);
                        }
                    }
                }
            });
            Ok::<_, Cancelled>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(told.get(), 1);
        assert_eq!(taken.into_inner(), peers(&all));
    });
}

/// Connections come as it is cancelled: those that were not delivered before the cancel are left to
/// the next accepts.
#[test]
fn r03_a_cancel_between_two_connections() {
    run(async || {
        let (listener, address) = listener();
        let (taken, told) = (RefCell::new(Vec::new()), Cell::new(0));
        let mut all = Vec::new();
        let result = nursery(async |n| {
            n.spawn(async {
                let mut incoming = listener.incoming();
                loop {
                    match incoming.next().await {
                        Ok((_, peer)) => taken.borrow_mut().push(peer),
                        Err(error) => {
                            assert!(is_cancelled(&error), "{error}");
                            told.set(told.get() + 1);
                        }
                    }
                }
            });
            turn().await;
            all.push(connect(address));
            while taken.borrow().is_empty() {
                turn().await;
            }
            all.extend(clients(address, 3));
            n.cancel();
            Ok::<_, Cancelled>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(told.get(), 1);
        let mut taken = taken.into_inner();
        while taken.len() < all.len() {
            taken.push(listener.accept().await.unwrap().1);
        }
        assert_eq!(taken, peers(&all));
    });
}

/// A burst is cancelled in the middle: accepted is delivered and closed.
#[test]
fn r15_a_burst_that_is_cancelled_in_the_middle() {
    for enough in [0, 1, 7, 33, 64] {
        run(async move || {
            let (listener, address) = listener();
            let taken = Cell::new(0);
            let mut all = clients(address, 64);
            let result = nursery(async |n| {
                n.spawn(async {
                    let mut incoming = listener.incoming();
                    while taken.get() < enough && incoming.next().await.is_ok() {
                        taken.set(taken.get() + 1);
                    }
                    n.cancel();
                    _ = incoming.next().await;
                });
                pending::<()>().await;
                Ok::<_, Cancelled>(())
            });
            _ = result.await;
            assert_eq!(taken.get(), enough);
            listener.close().await.unwrap();
            turn().await;
            assert!(all.iter_mut().all(sees_the_end));
        });
    }
}

/// The scope of a timeout closes, and the request that was made in it with that.
#[test]
fn r03_a_timeout_around_the_next_connection() {
    run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        for _ in 0..3 {
            let next = timeout(Duration::from_millis(1), incoming.next()).await;
            // The request belongs to the timeout's scope, if it was made in that, and answers.
            assert!(!next.is_ok_and(|next| next.is_ok()));
            let client = connect(address);
            assert_eq!(incoming.next().await.unwrap().1, client.local_addr().unwrap());
        }
    });
}

/// A child that has it is cut beside it, when connections have come: they are left to the next
/// accepts.
#[test]
fn r12_a_child_is_cut_that_does_not_poll_it() {
    let stats = run(async || {
        let (listener, address) = listener();
        let mut all = Vec::new();
        let result = nursery(async |n| {
            n.spawn(async {
                let mut incoming = listener.incoming();
                all.extend(unread(&mut incoming, address, 3).await);
                n.cancel();
                sleep(Duration::MAX).await;
            });
            Ok::<_, Cancelled>(())
        });
        assert_eq!(result.await, Ok(()));
        for peer in peers(&all) {
            assert_eq!(listener.accept().await.unwrap().1, peer);
        }
    });
    assert_eq!(stats.resumed, 3, "{stats:?}");
}

/// It delivers them also in a last poll that has no awaits left.
#[test]
fn r18_connections_that_have_come_spend_nothing_in_a_last_poll() {
    run(async || {
        let (listener, address) = listener();
        let (taken, has_come) = (RefCell::new(Vec::new()), Cell::new(false));
        let mut all = Vec::new();
        let result = nursery(async |n| {
            n.spawn(async {
                let mut incoming = listener.incoming();
                all.extend(unread(&mut incoming, address, 20).await);
                has_come.set(true);
                cancelled().await;
                end_turn().await;
                while let Ok((_, peer)) = incoming.next().await {
                    taken.borrow_mut().push(peer);
                    end_turn().await;
                }
            });
            while !has_come.get() {
                turn().await;
            }
            n.cancel();
            Ok::<_, Cancelled>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(taken.into_inner(), peers(&all));
    });
}

/// What an accept has left is not for a task that is cancelled.
#[test]
fn r03_what_was_left_is_not_delivered_behind_a_cancel() {
    run(async || {
        let (listener, address) = listener();
        let told = Cell::new(0);
        let mut all = Vec::new();
        let result = nursery(async |n| {
            n.spawn(async {
                let mut accept = Box::pin(listener.accept());
                start(accept.as_mut()).await;
                let mut incoming = listener.incoming();
                start(pin!(incoming.next())).await;
                // The accept is the first in line.
                all.push(connect(address));
                turn().await;
                turn().await;
                drop(accept);
                n.cancel();
                assert!(is_cancelled(&incoming.next().await.unwrap_err()));
                told.set(1);
            });
            Ok::<_, Cancelled>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(told.get(), 1);
        let (_server, peer) = at_once(listener.accept()).await.unwrap();
        assert_eq!(peer, all[0].local_addr().unwrap());
    });
}

/// It is told of the cancel: so an error that comes of that is no failure.
#[test]
fn r09_an_error_behind_its_cancel_is_derived() {
    let stats = run(async || {
        let (listener, _) = listener();
        let result = nursery(async |n| {
            n.spawn(async {
                let mut incoming = listener.incoming();
                assert!(is_cancelled(&incoming.next().await.unwrap_err()));
                Err::<(), _>(io::Error::other("what comes of that"))
            });
            turn().await;
            turn().await;
            n.cancel();
            Ok::<_, io::Error>(())
        });
        result.await.unwrap();
    });
    assert_eq!(stats.derived, 1, "{stats:?}");
}

/// It has taken the wake for a connection that stays in the backlog: an accept that waits beside it
/// does not sleep on.
#[test]
fn r17_an_accept_waits_while_it_is_cancelled() {
    run(async || {
        for _ in 0..50 {
            let (listener, address) = listener();
            let result = nursery(async |n| {
                let mut client = None;
                let cancelled = nursery(async |inner| {
                    // It is the first in line.
                    let chosen = inner.spawn(async { listener.incoming().next().await.map(drop) });
                    turn().await;
                    turn().await;
                    let waits = n.spawn(async { listener.accept().await });
                    turn().await;
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
