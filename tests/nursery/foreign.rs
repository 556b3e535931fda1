//! Trap 9: foreign combinators inside and around nurseries, and foreign executors refused.

use crate::support::nurseries::{
    Count, E, Log, accept, listener, never, run, settle, std_connect, within,
};
use futures_util::future::{AbortHandle, Abortable, join_all, select_all};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use nestling::net::TcpListener;
use nestling::time::sleep;
use nestling::{cancelled, nursery, timeout};
use nestling_runtime::lowlevel::nop;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

#[test]
fn many_operations_in_one_child() {
    run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let result = nursery(async |n| {
            n.spawn(async {
                let mut all: FuturesUnordered<_> = (0..200).map(|_| never(&quiet)).collect();
                while let Some(answer) = all.next().await {
                    heard.add_if(answer == Err(E::Cancelled));
                }
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(heard.get(), 200, "each is delivered its own answer");
    });
}

#[test]
fn a_combinator_hears_of_the_cancellation() {
    run(async || {
        let heard = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let mut all: FuturesUnordered<_> = (0..50).map(|_| cancelled()).collect();
                while all.next().await.is_some() {
                    heard.one();
                }
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(heard.get(), 50);
    });
}

#[test]
fn nurseries_inside_combinators() {
    run(async || {
        let ended = Count::default();
        let one = async |turns: u32| {
            nursery(async |n| {
                n.spawn(async {
                    for _ in 0..turns {
                        nop().await?;
                    }
                    ended.one();
                    Ok(())
                });
                Ok::<_, E>(turns)
            })
            .await
        };
        let values = join_all((0..50).map(one)).await;
        assert_eq!(values, (0..50).map(Ok).collect::<Vec<_>>());
        assert_eq!(ended.get(), 50);
        let mut all: FuturesUnordered<_> = (0..50).map(one).collect();
        while let Some(value) = all.next().await {
            value.expect("nothing failed");
        }
        assert_eq!(ended.get(), 100);
        let (first, _, others) = select_all((1..20).map(|turns| Box::pin(one(turns)))).await;
        assert_eq!(first, Ok(1));
        drop(others);
    });
}

#[test]
fn select_between_nurseries() {
    run(async || {
        let log = Log::default();
        let result = nursery(async |_| {
            let quick = nursery(async |n| {
                n.spawn(async { Ok(nop().await?) });
                Ok::<_, E>("quick")
            });
            let slow = nursery(async |n| {
                n.spawn(async {
                    let _gone = log.at_drop("slow is gone");
                    pending::<()>().await;
                });
                pending::<Result<&str, E>>().await
            });
            let (mut quick, mut slow) = (pin!(quick.fuse()), Box::pin(slow.fuse()));
            let won = futures_util::select! {
                value = quick => value,
                value = slow => value,
            };
            drop(slow);
            log.say("selected");
            won
        });
        assert_eq!(result.await, Ok("quick"));
        assert_eq!(log.take(), ["slow is gone", "selected"]);
    });
}

#[test]
fn abortable_inside_and_around() {
    run(async || {
        let quiet = listener().await;
        let (inside, registration) = AbortHandle::new_pair();
        let (around, around_registration) = AbortHandle::new_pair();
        let nursery = nursery(async |n| {
            n.spawn(async {
                let aborted = Abortable::new(never(&quiet), registration).await;
                assert!(aborted.is_err());
                around.abort();
                Ok(())
            });
            n.spawn(async {
                settle().await;
                inside.abort();
            });
            pending::<Result<(), E>>().await
        });
        assert!(Abortable::new(nursery, around_registration).await.is_err());
    });
}

#[test]
fn a_join_of_a_cancelled_scope_and_a_neighbour() {
    run(async || {
        let quiet = listener().await;
        let address = quiet.local_addr().expect("an address");
        let cancelled = async {
            let cancelled = timeout(Duration::from_millis(1), never(&quiet)).await;
            // Not before: the connection might be the one that races the deadline.
            (cancelled, std_connect(address))
        };
        let neighbour = async {
            let answer = accept(&quiet).await;
            answer.map(drop)
        };
        let ((cancelled, _connection), neighbour) = futures_util::join!(cancelled, neighbour);
        assert_eq!((cancelled, neighbour), (Ok(Err(E::Cancelled)), Ok(())));
    });
}

#[test]
fn handles_in_combinators() {
    run(async || {
        let result = nursery(async |n| {
            let handles: Vec<_> = (0..100).map(|i| n.spawn(async move { Ok(i) })).collect();
            let all = join_all(handles).await;
            assert_eq!(all.into_iter().filter_map(Result::ok).sum::<u32>(), 4950);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// Any executor that is not ours: parks the thread until it is woken.
fn foreign_block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            std::task::Poll::Ready(value) => return value,
            std::task::Poll::Pending => thread::park(),
        }
    }
}

/// The text of the panic of `work` on a thread that runs no runtime.
#[track_caller]
fn refused(work: impl FnOnce() + Send + 'static) -> String {
    within(|| {
        let payload = catch_unwind(AssertUnwindSafe(work)).expect_err("there is no runtime");
        let text = payload.downcast_ref::<String>().cloned();
        text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .expect("a text")
    })
}

#[test]
fn outside_a_runtime_everything_says_so() {
    let nursery = refused(|| {
        let _ = foreign_block_on(nursery(async |_| Ok::<_, E>(())));
    });
    assert!(nursery.starts_with("a nursery needs a nestling runtime"), "{nursery}");
    let sleep = refused(|| foreign_block_on(sleep(Duration::from_millis(1))));
    assert!(sleep.starts_with("a sleep needs a nestling runtime"), "{sleep}");
    let timeout = refused(|| {
        let _ = foreign_block_on(timeout(Duration::from_millis(1), pending::<()>()));
    });
    assert!(timeout.contains("needs a nestling runtime"), "{timeout}");
    let operation = refused(|| {
        foreign_block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            drop(listener.accept().await);
        });
    });
    assert!(operation.starts_with("an operation needs a nestling runtime"), "{operation}");
}

#[test]
fn block_on_inside_a_runtime_is_refused() {
    let text = refused(|| nestling::block_on(async { nestling::block_on(async {}) }));
    assert!(text.starts_with("block_on was called inside a runtime"), "{text}");
}

/// What has no operation in it may be run by anybody, also inside a child.
#[test]
fn a_foreign_executor_inside_a_child_may_run_foreign_futures() {
    run(async || {
        let result = nursery(async |n| {
            let value = n.spawn(async { Ok(foreign_block_on(async { 5 })) });
            Ok::<_, E>(value.await?)
        });
        assert_eq!(result.await, Ok(5));
    });
}

/// A waker that has left its poll works from another thread, and after its task has ended.
#[test]
fn wakers_live_on() {
    within(|| {
        let (send, receive) = std::sync::mpsc::channel::<Waker>();
        let waking = thread::spawn(move || {
            let wakers: Vec<_> = receive.into_iter().inspect(Waker::wake_by_ref).collect();
            wakers.into_iter().for_each(Waker::wake);
        });
        nestling::block_on(async {
            let result = nursery(async |n| {
                for _ in 0..50 {
                    n.spawn(async {
                        let mut sent = false;
                        std::future::poll_fn(|cx| {
                            if std::mem::replace(&mut sent, true) {
                                return std::task::Poll::Ready(());
                            }
                            send.send(cx.waker().clone()).expect("a thread that wakes");
                            std::task::Poll::Pending
                        })
                        .await;
                    });
                }
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
        });
        drop(send);
        waking.join().expect("it only wakes");
    });
}
