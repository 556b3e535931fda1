//! Threads against each other: a send and a close, a hand-over and a waiter that is cut.
//!
//! Each counts: a message that was accepted is received once, or had no receiver; one that was
//! refused came back. What is lost here is lost by an order of steps that one thread never shows.

use crate::support::random::{Random, seeds};
use crate::support::{Count, poll_counted, watched};
use nestling::sync::remote::channel::{TryRecvError, TrySendError, channel};
use nestling::sync::remote::oneshot::{RecvError, oneshot};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

const SEEDS: u64 = 300;

#[test]
fn g12_what_is_accepted_is_received_and_nothing_is_accepted_after_the_close() {
    watched(|| {
        for seed in seeds(0..SEEDS) {
            let mut random = Random::new(seed);
            let (sender, receiver) = channel(1 + random.below(4));
            let (closed, accepted) = (AtomicBool::new(false), AtomicUsize::new(0));
            let received = thread::scope(|threads| {
                for who in 0..3 {
                    let (sender, closed, accepted) = (sender.clone(), &closed, &accepted);
                    threads.spawn(move || {
                        loop {
                            let is_over = closed.load(Ordering::SeqCst);
                            let sent = match who {
                                0 => sender.send_blocking(()).is_ok(),
                                1 => match sender.try_send(()) {
                                    Err(TrySendError::Full(())) => {
                                        thread::yield_now();
                                        continue;
                                    }
                                    sent => sent.is_ok(),
                                },
                                _ => nestling::block_on(async {
                                    match sender.reserve().await {
                                        Ok(room) => room.send(()).is_ok(),
                                        Err(_) => false,
                                    }
                                }),
                            };
                            assert!(!(sent && is_over), "a send after the close has succeeded");
                            if !sent {
                                return;
                            }
                            accepted.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                }
                let mut received = 0;
                for _ in 0..random.below(60) {
                    received += usize::from(receiver.recv_blocking().is_some());
                }
                receiver.close();
                closed.store(true, Ordering::SeqCst);
                while receiver.recv_blocking().is_some() {
                    received += 1;
                }
                assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
                received
            });
            assert_eq!(received, accepted.into_inner(), "seed {seed}");
        }
    });
}

#[test]
fn what_nobody_received_is_dropped_once() {
    watched(|| {
        for seed in seeds(0..SEEDS) {
            let mut random = Random::new(seed);
            let (sender, receiver) = channel(2);
            let message = Arc::new(());
            thread::scope(|threads| {
                for _ in 0..2 {
                    let (sender, message) = (sender.clone(), &message);
                    threads.spawn(
                        move || {
                            while sender.send_blocking(Arc::clone(message)).is_ok() {}
                        },
                    );
                }
                for _ in 0..random.below(20) {
                    receiver.recv_blocking();
                }
                drop(receiver);
            });
            // While a sender lives.
            assert_eq!(Arc::strong_count(&message), 1, "seed {seed}");
            drop(sender);
        }
    });
}

#[test]
fn receivers_that_are_cut_while_they_are_served_lose_nothing() {
    watched(|| {
        let (sender, receiver) = channel(2);
        let seen = AtomicUsize::new(0);
        thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    let woken = Arc::new(Count::default());
                    loop {
                        // Waits, and is dropped; in between it may be handed a message.
                        let mut recv = pin!(receiver.recv());
                        match poll_counted(recv.as_mut(), &woken) {
                            Poll::Ready(Some(())) => _ = seen.fetch_add(1, Ordering::SeqCst),
                            Poll::Ready(None) => return,
                            Poll::Pending => thread::yield_now(),
                        }
                    }
                });
            }
            threads.spawn(|| {
                while receiver.recv_blocking().is_some() {
                    seen.fetch_add(1, Ordering::SeqCst);
                }
            });
            for _ in 0..20_000 {
                sender.send_blocking(()).expect("somebody receives");
            }
            drop(sender);
        });
        assert_eq!(seen.into_inner(), 20_000);
    });
}

#[test]
fn senders_that_are_cut_while_they_are_served_keep_no_room() {
    watched(|| {
        let (sender, receiver) = channel(1);
        let (sent, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let received = thread::scope(|threads| {
            for _ in 0..2 {
                let (sender, sent, over) = (sender.clone(), &sent, &over);
                threads.spawn(move || {
                    let woken = Arc::new(Count::default());
                    while !over.load(Ordering::SeqCst) {
                        let mut send = pin!(sender.send(()));
                        match poll_counted(send.as_mut(), &woken) {
                            Poll::Ready(result) => {
                                result.expect("the receiver is there");
                                sent.fetch_add(1, Ordering::SeqCst);
                            }
                            Poll::Pending => thread::yield_now(),
                        }
                    }
                });
            }
            let (sent, over) = (&sent, &over);
            threads.spawn(move || {
                for _ in 0..20_000 {
                    sender.send_blocking(()).expect("the receiver is there");
                    sent.fetch_add(1, Ordering::SeqCst);
                }
                over.store(true, Ordering::SeqCst);
            });
            let mut received = 0;
            while receiver.recv_blocking().is_some() {
                received += 1;
            }
            received
        });
        assert_eq!(received, sent.into_inner());
    });
}

#[test]
fn f1_a_wait_that_begins_while_the_other_end_acts_is_woken() {
    watched(|| {
        // Room and message alternate, so that every turn of each side begins with a wait.
        let (there, here) = channel(1);
        let (back, answers) = channel(1);
        thread::scope(|threads| {
            threads.spawn(move || {
                while let Some(number) = here.recv_blocking() {
                    back.send_blocking(number).expect("the receiver is there");
                }
            });
            for number in 0..20_000 {
                there.send_blocking(number).expect("the receiver is there");
                assert_eq!(answers.recv_blocking(), Some(number));
            }
            drop(there);
        });
    });
}

#[test]
fn g12_one_message_is_received_or_comes_back() {
    watched(|| {
        for _ in 0..SEEDS * 20 {
            let (sender, mut receiver) = oneshot();
            let (sent, received) = thread::scope(|threads| {
                let sends = threads.spawn(|| sender.send(7));
                receiver.close();
                let received = receiver.try_recv();
                (sends.join().expect("it does not panic"), received)
            });
            match sent {
                Ok(()) => assert_eq!(received, Ok(7)),
                Err(7) => assert_eq!(received, Err(RecvError::Closed)),
                Err(other) => panic!("it came back as {other}"),
            }
        }
    });
}
