//! A thread that has run a runtime, and ended, leaves nothing behind.

use crate::alone;
use crate::counting::held;
use futures_util::future::{FutureExt, join, select};
use nestling::inspect::instrument;
use nestling::net::{TcpListener, TcpStream};
use nestling::sync::{Semaphore, unbounded};
use nestling::task::{self, TaskLocal};
use nestling::time::sleep;
use nestling::{Cancelled, Cores, Runtime, cancelled, nursery, shield, timeout};
use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::thread;
use std::time::Duration;

/// More than any table starts with.
const CHILDREN: usize = 300;
/// Threads that are counted.
const THREADS: usize = 10;

/// Rounds of them. What the test harness does meanwhile is counted too; a leak is in every round.
const ROUNDS: usize = 5;

/// Runs something on threads, one after the other: what a round of them has left.
fn left_by(run: fn()) -> isize {
    alone(|| {
        let thread = || thread::spawn(run).join().expect("it does not panic");
        // What the process makes once.
        thread();
        let round = |_| {
            let before = held();
            (0..THREADS).for_each(|_| thread());
            held() - before
        };
        (1..ROUNDS).map(round).find(|left| *left == 0).unwrap_or_else(|| round(ROUNDS))
    })
}

/// The smallest there is.
#[test]
fn a_thread_that_ran_nothing_leaves_nothing() {
    assert_eq!(left_by(|| nestling::block_on(async {})), 0);
}

/// Scopes, values bound to them and futures that listen, with no runtime around them.
#[test]
fn a_thread_without_a_runtime_leaves_nothing() {
    static NAME: TaskLocal<u32> = TaskLocal::new();
    let left = left_by(|| {
        let waits = async {
            let shielded = shield(pending::<()>());
            NAME.scope(7, join(shielded, cancelled())).await;
        };
        assert!(waits.now_or_never().is_none());
    });
    assert_eq!(left, 0);
}

#[test]
fn a_thread_that_ran_many_children_leaves_nothing() {
    let left = left_by(|| {
        let ran: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
            let slow = n.spawn(async { sleep(Duration::from_millis(1)).await });
            for _ in 0..CHILDREN {
                n.spawn(nursery(async |n| n.spawn(task::yield_now()).await));
            }
            slow.await
        }));
        ran.expect("nothing fails");
    });
    assert_eq!(left, 0);
}

/// Joins, task-locals, and futures that listen for a cancellation in a foreign combinator.
#[test]
fn a_thread_that_used_every_table_of_scopes_leaves_nothing() {
    static NUMBER: TaskLocal<u32> = TaskLocal::new();
    let left = left_by(|| {
        let ran: Result<(), Cancelled> = nestling::block_on(nursery(async |n| {
            for _ in 0..CHILDREN {
                n.spawn(NUMBER.scope(1, async {
                    let inner: Result<(), Cancelled> = nursery(async |n| {
                        let ended = n.spawn(task::yield_now());
                        n.spawn(ended);
                        Ok(())
                    })
                    .await;
                    inner
                }));
                n.spawn(async {
                    let listening = Box::pin(cancelled());
                    let _ = timeout(Duration::ZERO, select(listening, pending::<()>())).await;
                });
            }
            Ok(())
        }));
        ran.expect("nothing fails");
    });
    assert_eq!(left, 0);
}

#[test]
fn a_thread_that_did_much_at_once_leaves_nothing() {
    let left = left_by(|| {
        let ran: io::Result<()> = nestling::block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let (semaphore, (sender, receiver)) = (Semaphore::new(1), unbounded());
            nursery(async |n| {
                for number in 0..CHILDREN {
                    let (semaphore, sender) = (&semaphore, sender.clone());
                    n.spawn(async move {
                        let _permit = semaphore.acquire().await;
                        sender.send(number).expect("the receiver is there");
                    });
                    n.spawn(async { sleep(Duration::from_micros(1)).await });
                    n.spawn(async move { TcpStream::connect(address).await.map(drop) });
                    n.spawn(async { listener.accept().await.map(drop) });
                }
                n.spawn(async {
                    task::spawn_blocking(|| ()).await.map_err(|_| io::ErrorKind::Other.into())
                });
                Ok::<_, io::Error>(())
            })
            .await?;
            assert_eq!(receiver.len(), CHILDREN);
            Ok(())
        });
        ran.expect("nothing fails");
    });
    assert_eq!(left, 0);
}

/// Cores of a team wake each other, are watched, and tell an instrument.
#[test]
fn threads_of_a_team_leave_nothing() {
    let left = left_by(|| {
        let cores = Runtime::builder().cores(Cores::Count(2));
        let cores = cores.stall_threshold(Duration::from_nanos(1)).on_stall(|_| ());
        let ran = cores.run(async |core| {
            let _guard = instrument(|_| ());
            let other = (core.index() + 1) % 2;
            nursery(async |n| {
                for _ in 0..CHILDREN {
                    n.spawn_on(other, task::yield_now);
                }
                Ok::<_, io::Error>(())
            })
            .await
        });
        ran.expect("nothing fails");
    });
    assert_eq!(left, 0);
}

type Kept = Pin<Box<dyn Future<Output = ()>>>;

/// A future that outlives the runtime in which it was polled, and one that ends with its thread.
#[test]
fn what_ends_after_the_runtime_leaves_nothing() {
    thread_local! {
        static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }
    async fn never() {
        let ended: Result<(), Cancelled> = nursery(async |n| {
            for _ in 0..CHILDREN {
                let child = n.spawn(pending::<()>());
                n.spawn(child);
            }
            pending().await
        })
        .await;
        ended.expect("it does not end");
    }
    let left = left_by(|| {
        let (mut local, mut kept): (Kept, Kept) = (Box::pin(never()), Box::pin(never()));
        nestling::block_on(poll_fn(|cx| {
            assert!(local.as_mut().poll(cx).is_pending() && kept.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        }));
        drop(local);
        KEPT.with(|place| place.replace(Some(kept)));
    });
    assert_eq!(left, 0);
}
