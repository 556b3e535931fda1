//! Connections that come one after the other, beside accepts on the same listener: what one leaves
//! goes to the other, and each is told of it.

use crate::support::{Count, pair, poll_counted, poll_once, turn, turns};
use crate::{connect, listener, run, start};
use futures_util::future::{FutureExt, LocalBoxFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::{Cancelled, nursery};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::net;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Two accepts wait, and then this. The first accept has a connection, the second is dropped: so
/// the kernel is asked anew, which happens in two polls. Then the first one leaves its connection,
/// before the second of these polls, or after it.
fn asked_anew(polls_before: usize) {
    run(async || {
        let (listener, address) = listener();
        let mut chosen = Box::pin(listener.accept());
        start(chosen.as_mut()).await;
        let mut dropped = Box::pin(listener.accept());
        start(dropped.as_mut()).await;
        let mut incoming = listener.incoming();
        let count = Arc::new(Count::default());
        let mut next = Box::pin(incoming.next());
        assert!(poll_counted(next.as_mut(), &count).is_pending());
        turns(2).await;
        let client = connect(address);
        turns(2).await;
        drop(dropped);
        turns(4).await;
        for _ in 0..polls_before {
            assert!(poll_counted(next.as_mut(), &count).is_pending());
            turns(4).await;
        }
        let before = count.get();
        drop(chosen);
        turns(4).await;
        // It was told before, and not polled since; or is told now.
        assert!(count.get() > before || polls_before == 1);
        let Poll::Ready(connection) = poll_counted(next.as_mut(), &count) else {
            panic!("a connection is there")
        };
        assert_eq!(connection.unwrap().1, client.local_addr().unwrap());
    });
}

#[test]
fn r17_a_connection_is_left_when_the_kernel_is_asked_anew() {
    asked_anew(1);
    asked_anew(2);
}

/// It is dropped with the wake for a connection that stays in the backlog: the accept that waits
/// gets that.
#[test]
fn r17_an_accept_waits_while_it_is_dropped() {
    run(async || {
        for _ in 0..50 {
            let (listener, address) = listener();
            let mut incoming = listener.incoming();
            start(pin!(incoming.next())).await;
            let mut accept = Box::pin(listener.accept());
            start(accept.as_mut()).await;
            let client = connect(address);
            drop(incoming);
            assert_eq!(accept.await.unwrap().1, client.local_addr().unwrap());
        }
    });
}

#[test]
fn r17_what_was_left_comes_before_what_the_kernel_has() {
    run(async || {
        let (listener, address) = listener();
        let mut accept = Box::pin(listener.accept());
        start(accept.as_mut()).await;
        let first = connect(address);
        turns(2).await;
        let mut incoming = listener.incoming();
        start(pin!(incoming.next())).await;
        let _second = connect(address);
        turns(2).await;
        drop(accept);
        let next = poll_once(pin!(incoming.next())).await;
        assert_eq!(next.map(|next| next.unwrap().1), Poll::Ready(first.local_addr().unwrap()));
    });
}

/// Panics when it is told.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        resume_unwind(Box::new("told"));
    }
}

/// What is left is told to an accept whose waker panics: the others are handed on all the same, and
/// the kernel is asked to stop.
#[test]
fn r13_a_waker_panics_while_connections_are_handed_on() {
    run(async || {
        let (listener, address) = listener();
        let mut incoming = listener.incoming();
        start(pin!(incoming.next())).await;
        let mut accept = Box::pin(listener.accept());
        let waker = Waker::from(Arc::new(Panics));
        assert!(accept.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        turns(2).await;
        let clients = [0; 3].map(|_| connect(address));
        turns(4).await;
        assert!(catch_unwind(AssertUnwindSafe(|| drop(incoming))).is_err());
        drop(accept);
        for client in &clients {
            assert_eq!(listener.accept().await.unwrap().1, client.local_addr().unwrap());
        }
        listener.close().await.unwrap();
        assert!(net::TcpStream::connect(address).is_err(), "nothing listens any more");
    });
}

fn spins() -> LocalBoxFuture<'static, ()> {
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    })
    .boxed_local()
}

/// In a set with many futures that wake themselves: an answer, and then the last, come before it is
/// polled. It is told of the cancel all the same.
#[test]
fn r05_the_last_answer_after_another_is_told_in_a_busy_set() {
    run(async || {
        let (listener, address) = listener();
        let (taken, told) = (Cell::new(0), Cell::new(0));
        let (stream, _peer) = pair();
        let result = nursery(async |n| {
            n.spawn(async {
                let mut incoming = listener.incoming();
                let accepts = async {
                    while incoming.next().await.is_ok() {
                        taken.set(taken.get() + 1);
                    }
                    told.set(told.get() + 1);
                };
                let mut set = FuturesUnordered::<LocalBoxFuture<'_, ()>>::new();
                set.extend((0..600).map(|_| spins()));
                set.push(accepts.boxed_local());
                while set.next().await.is_some() {}
            });
            // The cancel of the accept has to wait for these.
            n.spawn(async {
                let mut reads: FuturesUnordered<_> =
                    (0..24).map(|_| stream.read(vec![0; 1])).collect();
                while reads.next().await.is_some() {}
            });
            turns(8).await;
            let _client = connect(address);
            turn().await;
            n.cancel();
            Ok::<_, Cancelled>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(told.get(), 1, "{} taken", taken.get());
    });
}
