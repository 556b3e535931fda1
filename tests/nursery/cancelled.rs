//! `cancelled`: waits for the cancellation of the code that asks.

use crate::support::nurseries::{Count, E, Log, listener, never, run, settle};
use crate::support::poll_once;
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::task::{cancel_called, yield_now};
use nestling::{cancelled, nursery, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::future::pending;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Where several things can happen, the cancel is one of them.
#[test]
fn cancelled_in_a_select() {
    run(async || {
        let (send, receive) = async_channel::bounded::<u8>(1);
        let log = Log::default();
        let result = nursery(async |n| {
            let counter = n.spawn(async {
                let mut got = 0;
                let next = async || select(Box::pin(receive.recv()), Box::pin(cancelled())).await;
                while let Either::Left((value, _)) = next().await {
                    got += value.expect("the sender lives");
                }
                assert!(cancel_called());
                log.say("told");
                shield(settle()).await;
                log.say("clean");
                Ok(got)
            });
            for value in [1, 2, 3] {
                send.send(value).await.expect("it listens");
                settle().await;
            }
            counter.cancel();
            Ok::<_, E>(counter.await?)
        });
        assert_eq!(result.await, Ok(6));
        assert_eq!(log.take(), ["told", "clean"]);
    });
}

/// It is an answer: the next wait is the end, also if that is the same again, and an error that
/// comes of it is derived.
#[test]
fn cancelled_is_an_answer() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                cancelled().await;
                log.say("told");
                cancelled().await;
                log.say("never");
            });
            n.spawn(async {
                let told = cancelled().await;
                Err::<(), _>(E::from(told))
            });
            nop().await?;
            n.cancel();
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
        assert_eq!(log.take(), ["told", "gone"]);
    });
}

#[test]
fn cancelled_of_whichever_scope_is_around() {
    run(async || {
        let heard = Count::default();
        let told = async || {
            cancelled().await;
            heard.one();
        };
        assert_eq!(timeout(MS, told()).await, Ok(()));
        assert!(!cancel_called(), "that was the timeout");
        assert!(poll_once(pin!(cancelled())).await.is_pending());
        let result = nursery(async |n| {
            n.spawn(async {
                // Not by an inner one, but by the outer.
                let inner = nursery(async |inner| {
                    inner.cancel();
                    Ok::<_, E>(())
                });
                inner.await?;
                assert!(cancelled().now_or_never().is_none());
                assert_eq!(timeout(Duration::MAX, told()).await, Ok(()));
                Ok(())
            });
            n.spawn(async {
                let inner = nursery(async |inner| {
                    inner.spawn(told());
                    told().await;
                    Ok::<_, E>(())
                });
                assert_eq!(inner.await, Err(E::Cancelled));
            });
            settle().await;
            n.cancel();
            told().await;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(heard.get(), 5);
    });
}

/// In combinators, where a future is polled only if its own waker was woken: opened there, moved,
/// dropped, and many of them.
#[test]
fn cancelled_in_combinators() {
    run(async || {
        let heard = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let mut all: FuturesUnordered<_> = (0..100).map(|_| cancelled()).collect();
                let some: Vec<_> = (0..100).map(|_| Box::pin(cancelled())).collect();
                let mut some = FuturesUnordered::from_iter(some);
                assert!(some.next().now_or_never().is_none());
                drop(some);
                while all.next().await.is_some() {
                    heard.one();
                }
            });
            n.spawn(async {
                let (_, _) = futures_util::join!(cancelled(), cancelled());
                heard.one();
            });
            n.spawn(async {
                let quiet = listener().await;
                futures_util::select_biased! {
                    answer = never(&quiet).fuse() => drop(answer),
                    _ = cancelled().fuse() => heard.one(),
                }
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(heard.get(), 102);
    });
}

#[test]
fn cancelled_never_without_a_cancellation() {
    run(async || {
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                cancelled().await;
                assert!(cancel_called());
            });
            let child = n.spawn(async {
                let first = select(Box::pin(cancelled()), Box::pin(settle())).await;
                assert!(matches!(first, Either::Right(_)));
            });
            child.await?;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        // Outside of every nursery there is nothing to be cancelled by.
        assert_eq!(poll_once(pin!(cancelled())).await, Poll::Pending);
    });
}

/// A loop that only asks, without waiting, hears of it as well.
#[test]
fn cancelled_asked_without_waiting() {
    run(async || {
        let turns = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                shield(async {
                    for _ in 0..10 {
                        nop().await.expect("shielded");
                        assert!(!cancel_called());
                    }
                })
                .await;
                while !cancel_called() {
                    turns.one();
                    yield_now().await;
                }
                Err::<(), _>(E::Boom(1))
            });
            nop().await?;
            n.cancel();
            pending().await
        });
        // Asking is no answer: the error is the task's own.
        assert_eq!(result.await, Err::<(), _>(E::Boom(1)));
        assert_eq!(turns.get(), 0);
    });
}

/// One name asks about the code that runs, the other about an error: they may differ.
#[test]
fn cancel_called_is_of_the_code_and_is_cancelled_of_an_error() {
    run(async || {
        let quiet = listener().await;
        let inside = async {
            let error = quiet.accept().await.unwrap_err();
            (error, cancel_called())
        };
        let (error, called) = timeout(Duration::ZERO, inside).await.expect("it is told");
        assert!(nestling::is_cancelled(&error) && called);
        assert!(!cancel_called(), "it was the code in the timeout");
        let result = nursery(async |n| {
            n.cancel();
            assert!(cancel_called() && !nestling::is_cancelled(&std::io::Error::other("full")));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
