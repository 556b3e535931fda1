//! The traps of the design that no rule's own file has, and where the others are.
//!
//! | trap                                            | tests |
//! |-------------------------------------------------|--------------------------------------------|
//! | 1 a select's loser had won an accept            | `r15_the_loser_of_a_select_…`, rule 17's |
//! | 2 a connection on its way into a full channel   | `r15_a_connection_on_its_way_…` |
//! | 3 `write_all` cancelled half-way                | `r14_write_all_tells_…`, `r08_trap_3_…` |
//! | 4 `read_exact` cancelled in its second receive  | `r14_read_exact_tells_…` |
//! | 5 an operation shared between scopes            | `r05_a_shared_operation_…`, three |
//! | 6 10,000 operations, cancelled, and 10,000 more | `runtime: trap_6_…`, two |
//! | 7 a burst of connections, cancelled in it       | `trap_7_…` |
//! | 8 a cancel from everywhere                      | `r02_cancel_from_…`, five; `trap_8_…`; |
//! |                                                 | `remote_…` |
//! | 9 foreign combinators, locks and executors      | `foreign`; `trap_9_…`, here |
//! | 10 deadline and success in one batch            | `r14_a_success_…`, `deadline_trap_10_…` |
//! | 11 deep and wide                                | `deep_and_wide`; `trap_11_…`; |
//! |                                                 | `r08_ten_thousand_shields_wide` |
//! | 12 an operation that cannot be cancelled        | beside the tree that names it |
//! | 13 the order of the end                         | `r12_the_order_…`, `r04_the_order_…`; |
//! |                                                 | `trap_13_…` |
//! | 14 all in one turn                              | `r11_spawned_during_the_failure`; |
//! |                                                 | `trap_14_…` |

use crate::support::nurseries::{
    Count, E, Log, OnDrop, accept, listener, never, run, settle, std_connect,
};
use crate::support::poll_once;
use nestling::net::TcpStream;
use nestling::task::yield_now;
use nestling::{Canceller, Options, nursery, nursery_with, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::io::Read;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify, Semaphore, mpsc, oneshot, watch};

const MS: Duration = Duration::from_millis(1);

/// Each of a burst of connections is delivered, or closed, or left in the backlog to the next who
/// accepts; whenever in it the cancel comes.
#[test]
fn trap_7_a_burst_of_connections() {
    const BURST: usize = 64;
    run(async || {
        for after in [0, 1, 2, 5, 31, 63] {
            let quiet = listener().await;
            let address = quiet.local_addr().expect("an address");
            let delivered = RefCell::new(Vec::<TcpStream>::new());
            let mut peers = Vec::new();
            let result = nursery(async |n| {
                for _ in 0..4 {
                    n.spawn(async {
                        while let Ok(stream) = accept(&quiet).await {
                            delivered.borrow_mut().push(stream);
                            if delivered.borrow().len() > after {
                                n.cancel();
                            }
                        }
                    });
                }
                nop().await?;
                peers.extend((0..BURST).map(|_| std_connect(address)));
                nestling::cancelled().await;
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            let mut served = delivered.take();
            assert!(served.len() > after);
            // The backlog has the others: nothing was taken from it and thrown away.
            while served.len() < BURST {
                served.push(accept(&quiet).await.expect("it waits in the backlog"));
            }
            assert!(timeout(MS, accept(&quiet)).await.is_ok_and(|last| last.is_err()));
            let mut theirs: Vec<_> = served.iter().map(|s| s.peer_addr().expect("it")).collect();
            let mut ours: Vec<_> = peers.iter().map(|p| p.local_addr().expect("it")).collect();
            theirs.sort_unstable();
            ours.sort_unstable();
            assert_eq!(theirs, ours, "each connection once");
            drop((served, quiet));
            settle().await;
            for peer in &mut peers {
                assert!(matches!(peer.read(&mut [0]), Ok(0) | Err(_)), "closed");
            }
        }
    });
}

type Stop = RefCell<Option<Canceller>>;

/// From a destructor that runs because of a cancel, of another nursery; in a circle.
#[test]
fn trap_8_destructors_that_cancel_each_other() {
    run(async || {
        let quiet = listener().await;
        let one = async |own: &Stop, other: &Stop| {
            let result = nursery(async |n| {
                own.replace(Some(n.canceller()));
                n.spawn(async {
                    let _cancels = OnDrop(|| {
                        n.cancel();
                        other.borrow().iter().for_each(Canceller::cancel);
                    });
                    never(&quiet).await
                });
                pending::<Result<(), E>>().await
            });
            result.await
        };
        let (first, second) = (Stop::default(), Stop::default());
        let stop = async {
            settle().await;
            first.borrow().iter().for_each(Canceller::cancel);
        };
        let ended = futures_util::join!(one(&first, &second), one(&second, &first), stop);
        assert_eq!(ended, (Err(E::Cancelled), Err(E::Cancelled), ()));
    });
}

/// Locks and channels of others, inside a nursery that is cancelled while children wait for them.
#[test]
fn trap_9_foreign_locks_inside() {
    run(async || {
        let (mutex, permits) = (Mutex::new(0_u32), Semaphore::new(2));
        let (notify, most) = (Notify::new(), Cell::new(0));
        let result = nursery(async |n| {
            for _ in 0..50 {
                n.spawn(async {
                    let _permit = permits.acquire().await.expect("open");
                    most.set(most.get().max(2 - permits.available_permits()));
                    nop().await?;
                    *mutex.lock().await += 1;
                    Ok(())
                });
            }
            while *mutex.lock().await < 20 {
                yield_now().await;
            }
            n.spawn(async { notify.notified().await });
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(most.get(), 2);
        assert_eq!(permits.available_permits(), 2, "nobody took one with him");
        let done = *mutex.try_lock().expect("it is free");
        assert!((20..50).contains(&done), "{done}");
        // The same lock serves those who come next.
        let guard = mutex.lock().await;
        let waits = timeout(MS, mutex.lock()).await.map(drop);
        assert!(waits.is_err());
        drop(guard);
        *timeout(Duration::MAX, mutex.lock()).await.expect("free") += 1;
    });
}

#[test]
fn trap_9_foreign_channels_between_threads_and_children() {
    run(async || {
        let (send, mut receive) = mpsc::channel::<u32>(4);
        let (answer, answered) = oneshot::channel();
        let (state, mut watched) = watch::channel(0);
        let thread = std::thread::spawn(move || {
            (0..1000).for_each(|number| send.blocking_send(number).expect("it listens"));
            drop(send);
            answered.blocking_recv()
        });
        let sum = Cell::new(0);
        let result = nursery(async |n| {
            n.spawn_daemon(async {
                while watched.changed().await.is_ok() {
                    assert!(*watched.borrow_and_update() <= 499_500);
                }
            });
            while let Some(number) = receive.recv().await {
                sum.set(sum.get() + number);
                state.send_replace(sum.get());
            }
            n.spawn(async { answer.send(sum.get()).map_err(|_| E::Boom(1)) }).await?;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let answered = futures_executor::block_on(async { thread.join().expect("no panic") });
        assert_eq!(answered, Ok(499_500));
    });
}

/// Around a nursery: a lock that is held across it, and a notification that ends it from outside.
#[test]
fn trap_9_foreign_locks_around() {
    run(async || {
        let (mutex, quiet) = (Arc::new(Mutex::new(Vec::new())), listener().await);
        let one = async |number: u32| {
            let mut log = mutex.lock().await;
            let result = nursery(async |n| {
                n.spawn(settle());
                n.spawn(async {
                    settle().await;
                    n.cancel();
                });
                never(&quiet).await
            });
            log.push((number, result.await == Err(E::Cancelled)));
        };
        futures_util::join!(one(1), one(2), one(3));
        assert_eq!(*mutex.lock().await, [(1, true), (2, true), (3, true)]);
        let notify = Notify::new();
        let work = nursery(async |n| {
            n.spawn(async {
                settle().await;
                notify.notify_one();
            });
            pending::<Result<(), E>>().await
        });
        let work = Box::pin(work);
        let first = futures_util::future::select(work, Box::pin(notify.notified())).await;
        assert!(matches!(first, futures_util::future::Either::Right(_)));
    });
}

/// A foreign executor inside a child runs what needs no core of ours. It says so itself when it is
/// nested; ours inside it says so when it is inside ours.
#[test]
fn trap_9_a_foreign_executor() {
    run(async || {
        let result = nursery(async |n| {
            n.spawn(async {
                let (send, receive) = oneshot::channel();
                std::thread::spawn(move || send.send(5));
                assert_eq!(futures_executor::block_on(receive), Ok(5));
                // A child that is ready is polled by anybody; nothing of ours is waited for.
                assert_eq!(futures_executor::block_on(async { yield_once().await }), 7);
            });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let refused = std::panic::catch_unwind(|| {
            futures_executor::block_on(async { nestling::block_on(async {}) })
        });
        let payload = refused.expect_err("this thread runs a core");
        let text = payload.downcast_ref::<&str>().expect("a text");
        assert!(text.starts_with("block_on was called inside a runtime"), "{text}");
    });
    // Ours inside a foreign one: that has the thread, but runs no core, so nothing is in the way.
    let value = futures_executor::block_on(async {
        nestling::block_on(nursery(async |n| Ok::<_, E>(n.spawn(async { Ok(8) }).await?)))
    });
    assert_eq!(value, Ok(8));
}

async fn yield_once() -> u32 {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(7);
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await
}

type Level<'a> = Pin<Box<dyn Future<Output = Result<u32, E>> + 'a>>;

/// Five thousand scopes, one in the other: they run, and end from the top and from the bottom.
#[test]
fn trap_11_five_thousand_deep() {
    const DEEP: u32 = 5000;
    fn nested<'a>(bottom: Level<'a>) -> Level<'a> {
        (0..DEEP).fold(bottom, |inner, level| match level % 2 {
            0 => Box::pin(nursery(async |n| Ok(n.spawn(inner).await?))),
            _ => Box::pin(async { timeout(Duration::MAX, inner).await.expect("never late") }),
        })
    }
    let worker = std::thread::Builder::new().stack_size(1 << 30);
    let work = || {
        nestling::block_on(async {
            let value = nested(Box::pin(async {
                nop().await?;
                Ok(7)
            }));
            assert_eq!(value.await, Ok(7));
            let failed = nested(Box::pin(async {
                nop().await?;
                Err(E::Boom(3))
            }));
            assert_eq!(failed.await, Err(E::Boom(3)));
            let (quiet, heard, reached) = (listener().await, Count::default(), Cell::new(false));
            let cancelled = nested(Box::pin(async {
                reached.set(true);
                let answer = never(&quiet).await;
                heard.add_if(answer == Err(E::Cancelled));
                answer.map(|()| 0)
            }));
            let result = nursery(async |n| {
                n.spawn(cancelled);
                while !reached.get() {
                    nop().await?;
                }
                n.cancel();
                Ok::<_, E>(1)
            });
            assert_eq!((result.await, heard.get()), (Ok(1), 1));
        });
    };
    worker.spawn(work).expect("a thread").join().expect("no panic");
}

/// Also when the end comes from the body. When it comes from elsewhere, body and children are cut
/// as they come, but all of them before what is around.
#[test]
fn trap_13_the_order_of_every_end() {
    run(async || {
        let log = Log::default();
        for end in ["body", "child", "panic", "deadline", "cancel", "drop"] {
            let deadline = (end == "deadline").then(|| nestling::time::Instant::now() + MS);
            let work = nursery_with(Options { deadline, ..Options::default() }, async |n| {
                n.spawn(async {
                    let _local = log.at_drop("child");
                    pending::<()>().await;
                });
                let _local = log.at_drop("body");
                settle().await;
                match end {
                    "body" => return Err(E::Boom(1)),
                    "child" => drop(n.spawn(async { Err::<(), _>(E::Boom(1)) })),
                    "panic" => drop(n.spawn(async { crate::support::nurseries::throw(1) })),
                    "cancel" => n.cancel(),
                    _ => {}
                }
                pending::<Result<(), E>>().await
            });
            let work = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(work));
            let mut work = Box::pin(async {
                let _around = log.at_drop("around");
                drop(work.await);
            });
            if end == "drop" {
                assert!(poll_once(work.as_mut()).await.is_pending());
                settle().await;
                drop(work);
            } else {
                work.await;
            }
            let said = log.take();
            let by_the_body = matches!(end, "body" | "drop");
            assert!(!by_the_body || said[0] == "body", "{end}: {said:?}");
            assert_eq!((said.len(), said[2]), (3, "around"), "{end}: {said:?}");
        }
    });
}

/// In one turn: a child ends and its sibling fails, in both orders; the one that ended has ended.
#[test]
fn trap_14_a_child_ends_and_its_sibling_fails() {
    for failing_first in [true, false] {
        run(async move || {
            let values = RefCell::new(Vec::new());
            let result = nursery(async |n| {
                let ends = async {
                    nop().await?;
                    values.borrow_mut().push(n.is_cancelled());
                    Ok(5)
                };
                let fails = async {
                    nop().await?;
                    Err::<(), _>(E::Boom(1))
                };
                let handle = if failing_first {
                    n.spawn(fails);
                    n.spawn(ends)
                } else {
                    let handle = n.spawn(ends);
                    n.spawn(fails);
                    handle
                };
                // The one who joins is polled once more, and its handle has the value by then.
                let joined = handle.await == Ok(5);
                values.borrow_mut().push(joined);
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Err(E::Boom(1)));
            assert_eq!(values.take(), [failing_first, true]);
        });
    }
}

/// After everything has ended there is nothing to cancel, by whatever means.
#[test]
fn trap_14_a_cancel_after_everything_ended() {
    run(async || {
        let kept = Rc::new(RefCell::new(None));
        let result = nursery(async |n| {
            let _cancels = OnDrop(|| n.cancel());
            let handle = n.spawn(async { Ok(1) });
            kept.replace(Some((n.canceller(), n.canceller().remote())));
            settle().await;
            handle.cancel();
            handle.await.map_err(E::from)
        });
        assert_eq!(result.await, Ok(1));
        let (local, remote) = kept.take().expect("it was kept");
        assert!(local.is_cancelled());
        local.cancel();
        remote.cancel();
        // And in the turn in which the last child ends: the body, too, has its value by then.
        let result = nursery(async |n| {
            n.spawn(async {
                nop().await?;
                n.cancel();
                Ok(())
            });
            Ok::<_, E>(2)
        });
        assert_eq!(timeout(Duration::MAX, result).await, Ok(Ok(2)));
    });
}
