//! `start`: a child that says when it is ready, and the one who waits for that.

use crate::support::nurseries::{
    Count, E, Log, counted, listener, never, pair, run, settle, throw, thrown,
};
use crate::support::poll_once;
use futures_util::FutureExt;
use futures_util::future::{join_all, select};
use nestling::net::TcpListener;
use nestling::{Cancelled, Started, nursery, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::pending;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn start_gives_the_value_and_the_child_goes_on() {
    run(async || {
        let served = Count::default();
        let result = nursery(async |n| {
            let address = n
                .start(async |up| -> Result<(), io::Error> {
                    let listener = TcpListener::bind("127.0.0.1:0").await?;
                    up.ready(listener.local_addr()?);
                    loop {
                        let (stream, _) = listener.accept().await?;
                        stream.write_all("hello").await.0?;
                        served.one();
                    }
                })
                .await?;
            for _ in 0..3 {
                let stream = nestling::net::TcpStream::connect(address).await?;
                let (result, buffer) = stream.read_exact(vec![0; 5]).await;
                result?;
                assert_eq!(buffer, b"hello");
            }
            assert_eq!(n.len(), 1);
            n.cancel();
            Ok::<_, io::Error>(address)
        });
        assert!(result.await.is_ok());
        assert_eq!(served.get(), 3);
    });
}

#[test]
fn start_hands_out_an_error_that_comes_before_ready_and_the_nursery_lives() {
    run(async || {
        let (sibling, told) = (Count::default(), Count::default());
        let result = nursery(async |n| {
            n.spawn(async {
                settle().await;
                settle().await;
                sibling.one();
            });
            let failed = n.start(async |up: Started<u8>| {
                nop().await?;
                drop(up);
                Err::<(), _>(E::Boom(3))
            });
            told.add_if(failed.await == Err(E::Boom(3)));
            assert!(!n.is_cancelled());
            let again = n.start(async |up| {
                up.ready(5);
                Ok(())
            });
            again.await
        });
        assert_eq!(result.await, Ok(5));
        assert_eq!((told.get(), sibling.get()), (1, 1));
    });
}

#[test]
fn start_makes_later_errors_the_nurserys() {
    run(async || {
        let result = nursery(async |n| {
            n.start(async |up| {
                up.ready(());
                settle().await;
                Err::<(), _>(E::Boom(4))
            })
            .await?;
            pending::<Result<(), E>>().await
        });
        assert_eq!(result.await, Err(E::Boom(4)));
        // Also when it is ready and fails in one poll.
        let result = nursery(async |n| {
            let value = n.start(async |up| {
                up.ready(1);
                Err::<(), _>(E::Boom(5))
            });
            assert_eq!(value.await, Ok(1));
            Ok(())
        });
        assert_eq!(result.await, Err(E::Boom(5)));
    });
}

#[test]
fn start_says_so_when_the_child_ends_without_a_word() {
    run(async || {
        let result = nursery(async |n| {
            let error = n.start(async |_: Started<()>| Ok::<_, io::Error>(())).await.unwrap_err();
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Cancelled>());
            assert!(inner.is_some_and(|inner| inner.is_never_ready()), "{error:?}");
            assert!(error.to_string().contains("Started::ready"), "{error}");
            assert!(!nestling::is_cancelled(&error), "nobody cancelled anything");
            assert!(!n.is_cancelled());
            Err::<(), _>(error)
        });
        // It is an ordinary failure of the task that hands it on.
        assert!(result.await.unwrap_err().to_string().contains("Started::ready"));
    });
}

#[test]
fn start_lets_a_panic_before_ready_take_the_nursery() {
    run(async || {
        let told = Cell::new(None);
        let work = nursery(async |n| {
            let started = n.start(async |_: Started<()>| -> Result<(), E> { throw(6) });
            told.set(Some(started.await));
            Ok::<_, E>(())
        });
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!(thrown(&*payload), 6);
        assert_eq!(told.take(), Some(Err(E::Cancelled)));
    });
}

/// The starter alone is cancelled: the child is, its end is waited for, and no other task is hurt.
#[test]
fn start_cancels_and_joins_the_child_when_the_starter_is_cancelled() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            let starter = n.spawn(async {
                let started = n.start(async |_: Started<()>| {
                    let _gone = log.at_drop("child is gone");
                    let answer = never(&quiet).await;
                    log.say("child is told");
                    answer
                });
                assert_eq!(started.await, Err(E::Cancelled));
                log.say("starter is told");
                nop().await?;
                log.say("never");
                Ok(())
            });
            settle().await;
            starter.cancel();
            settle().await;
            assert!(starter.is_finished() && n.is_empty());
            Ok::<_, E>(7)
        });
        assert_eq!(result.await, Ok(7));
        assert_eq!(log.take(), ["child is told", "child is gone", "starter is told"]);
    });
}

#[test]
fn start_in_a_nursery_that_is_cancelled_meanwhile() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            n.spawn(async {
                settle().await;
                n.cancel();
            });
            let started = n.start(async |_: Started<()>| {
                let _gone = log.at_drop("child is gone");
                never(&quiet).await
            });
            let started = started.await;
            log.say("starter is told");
            started
        });
        assert_eq!(result.await, Err(E::Cancelled));
        assert_eq!(log.take(), ["child is gone", "starter is told"]);
    });
}

#[test]
fn start_is_bounded_by_a_timeout() {
    let (_, stats) = counted(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            let started = n.start(async |_: Started<()>| {
                let _gone = log.at_drop("child is gone");
                never(&quiet).await
            });
            assert_eq!(timeout(MS, started).await, Ok(Err(E::Cancelled)));
            assert_eq!(log.take(), ["child is gone"]);
            assert!(!n.is_cancelled());
            // One that waits for nothing of ours is cut, and joined as well.
            let started = n.start(async |_: Started<()>| {
                let _gone = log.at_drop("second is gone");
                pending::<Result<(), E>>().await
            });
            assert_eq!(timeout(MS, started).await, Ok(Err(E::Cancelled)));
            assert_eq!(log.take(), ["second is gone"]);
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
    });
    assert_eq!(stats.cancel_requests, 1, "{stats:?}");
}

#[test]
fn start_dropped_early_cancels_the_child() {
    run(async || {
        let (quiet, log) = (listener().await, Log::default());
        let result = nursery(async |n| {
            let started = n.start(async |_: Started<()>| {
                let _gone = log.at_drop("child is gone");
                let answer = never(&quiet).await;
                log.say("child is told");
                answer
            });
            drop(select(started, Box::pin(settle())).await);
            settle().await;
            assert_eq!(log.take(), ["child is told", "child is gone"]);
            // And before anybody polled it: the child never begins.
            let started = n.start(async |_: Started<()>| -> Result<(), E> { panic!("never") });
            drop(started);
            settle().await;
            assert!(n.is_empty() && !n.is_cancelled());
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
    });
}

/// The starter went, so the child's error, if it is its own, is the nursery's.
#[test]
fn start_dropped_early_leaves_errors_to_the_nursery() {
    run(async || {
        let result = nursery(async |n| {
            let mut started = Box::pin(n.start(async |_: Started<()>| {
                nestling::shield(settle()).await;
                Err::<(), _>(E::Boom(9))
            }));
            assert!(poll_once(started.as_mut()).await.is_pending());
            nop().await?;
            drop(started);
            pending::<Result<(), E>>().await
        });
        assert_eq!(result.await, Err(E::Boom(9)));
    });
}

/// A value that is there already is not lost to a cancel, also one that comes in the same poll.
#[test]
fn start_ready_before_the_cancel_wins() {
    run(async || {
        let got = Cell::new(None);
        let result = nursery(async |n| {
            n.spawn(async {
                let started = n.start(async |up| {
                    nop().await?;
                    up.ready(3);
                    n.cancel();
                    pending::<Result<(), E>>().await
                });
                got.set(Some(started.await));
                Ok(())
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(got.take(), Some(Ok(3)));
    });
}

/// Ready too late: the starter has given the child up, and does not change its mind.
#[test]
fn start_ready_after_the_starter_gave_up() {
    struct Value<'a>(&'a Count);
    impl Drop for Value<'_> {
        fn drop(&mut self) {
            self.0.one();
        }
    }
    run(async || {
        let (quiet, dropped) = (listener().await, Count::default());
        let result = nursery(async |n| {
            let started = n.start(async |up| {
                never(&quiet).await.expect_err("nobody connects");
                up.ready(Value(&dropped));
                nestling::shield(settle()).await;
                Ok::<_, E>(())
            });
            let late = timeout(MS, started).await.expect("an answer");
            assert!(late.is_err_and(|error| error == E::Cancelled));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(dropped.get(), 1, "its value goes, once");
    });
}

#[test]
fn start_in_a_cancelled_nursery() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.cancel();
            let captured = log.at_drop("captured");
            let mut started = pin!(n.start(async move |_: Started<()>| {
                let _captured = captured;
                panic!("never");
                #[expect(unreachable_code, reason = "the type of the output")]
                Ok::<(), E>(())
            }));
            let told = poll_once(started.as_mut()).await;
            assert_eq!(told, std::task::Poll::Ready(Err(E::Cancelled)));
            assert_eq!(log.take(), ["captured"]);
            Ok::<_, E>(1)
        });
        assert_eq!(result.await, Ok(1));
    });
}

#[test]
fn start_several_at_once_and_by_children() {
    run(async || {
        let (send, receive) = async_channel::unbounded();
        let result = nursery(async |n| {
            let all = (0..100).map(|number| {
                n.start(async move |up| {
                    for _ in 0..number % 7 {
                        nop().await?;
                    }
                    up.ready(number);
                    Ok(())
                })
            });
            let values = join_all(all).await;
            assert_eq!(values, (0..100).map(Ok).collect::<Vec<_>>());
            // A chain, each link started by the one before.
            n.start(async |up| {
                up.ready(());
                let value: u32 = n
                    .start(async |up| {
                        up.ready(
                            n.start(async |up| -> Result<(), E> {
                                up.ready(5);
                                Ok(())
                            })
                            .await?,
                        );
                        Ok(())
                    })
                    .await?;
                send.try_send(value).expect("room");
                Ok(())
            })
            .await?;
            Ok::<_, E>(receive.recv().await.expect("the chain ends"))
        });
        assert_eq!(result.await, Ok(5));
    });
}

/// What the value owns closes with it when no task takes it.
#[test]
fn start_with_a_socket_for_a_value() {
    run(async || {
        let (here, there) = pair().await;
        let result = nursery(async |n| {
            let mut started = Box::pin(n.start(async move |up| {
                up.ready(here);
                pending::<Result<(), E>>().await
            }));
            assert!(poll_once(started.as_mut()).await.is_pending());
            nop().await?;
            drop(started);
            let (read, _) = there.read(vec![0; 8]).await;
            assert_eq!(read?, 0, "the peer sees the end");
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
