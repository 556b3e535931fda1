//! Futures that live longer than the timeout in which they were polled: `timeout(d, set.next())`.
//! The cancel ends with the timeout; nothing that was in it then is stuck.

use crate::support::nurseries::{E, listener, ms, never, run, settle};
use crate::support::poll_once;
use futures_util::future::{FutureExt, LocalBoxFuture, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::net::TcpListener;
use nestling::sync::oneshot::{self, oneshot};
use nestling::sync::{
    Mutex, Notify, RwLock, Semaphore,
    channel::{self, channel},
    remote,
};
use nestling::task::{TaskLocal, checkpoint, consume_budget, yield_now};
use nestling::time::{interval, sleep};
use nestling::{Elapsed, cancelled, finally, nursery, shield, stats, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::{Future, pending};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

type Set<'a> = FuturesUnordered<LocalBoxFuture<'a, u8>>;

/// Polls a worker in a timeout before and after that has expired, and then to its end. `go` becomes
/// true in between.
fn outlives<W: Future<Output = ()>>(worker: impl FnOnce(Rc<Cell<bool>>) -> W + Send + 'static) {
    run(async || {
        let go = Rc::new(Cell::new(false));
        let worker = worker(Rc::clone(&go)).map(|()| 1).boxed_local();
        let mut set = Set::from_iter([worker]);
        let late = timeout(ms(5), set.next()).await;
        assert_eq!(late, Err::<Option<u8>, Elapsed>(late.unwrap_err()), "it waits for `go`");
        go.set(true);
        assert_eq!(set.next().await, Some(1));
    });
}

/// A worker that goes round and round with an await that is ready all the time.
fn loops<T>(thing: impl FnOnce() -> T + Send + 'static, turn: impl AsyncFn(&T) + Send + 'static) {
    outlives(async move |go| {
        let thing = thing();
        while !go.get() {
            turn(&thing).await;
        }
    });
}

#[test]
fn r06_a_loop_of_yields_goes_on() {
    loops(|| (), async |_: &()| yield_now().await);
}

#[test]
fn r06_a_loop_of_checkpoints_goes_on() {
    loops(|| (), async |_: &()| checkpoint().await);
}

#[test]
fn r06_a_loop_of_sleeps_goes_on() {
    loops(|| (), async |_: &()| sleep(ms(1)).await);
}

#[test]
fn r06_a_loop_of_operations_goes_on() {
    loops(|| (), async |_: &()| _ = nop().await);
}

#[test]
fn r18_a_loop_of_expired_sleeps_goes_on() {
    loops(|| (), async |_: &()| sleep(Duration::ZERO).await);
}

#[test]
fn r18_a_loop_of_permits_goes_on() {
    loops(|| Semaphore::new(1), async |it: &Semaphore| drop(it.acquire().await));
}

#[test]
fn r18_a_loop_of_locks_goes_on() {
    loops(|| Mutex::new(()), async |it: &Mutex<()>| drop(it.lock().await));
}

#[test]
fn r18_a_loop_of_reads_goes_on() {
    loops(|| RwLock::new(()), async |it: &RwLock<()>| drop(it.read().await));
}

#[test]
fn r18_a_loop_of_consumed_budget_goes_on() {
    loops(|| (), async |_: &()| consume_budget().await);
}

#[test]
fn r18_a_loop_of_shields_goes_on() {
    loops(|| (), async |_: &()| shield(async {}).await);
}

#[test]
fn r18_a_loop_of_timeouts_goes_on() {
    loops(|| (), async |_: &()| _ = timeout(LONG, async {}).await);
}

#[test]
fn r18_a_loop_of_clean_ups_goes_on() {
    loops(|| (), async |_: &()| finally(async {}, async |_| ()).await);
}

#[test]
fn r06_a_loop_of_nurseries_goes_on() {
    loops(
        || (),
        async |_: &()| {
            _ = nursery(async |_| {
                yield_now().await;
                Ok::<_, E>(())
            })
            .await
        },
    );
}

#[test]
fn r06_a_loop_of_timeouts_around_yields_goes_on() {
    loops(|| (), async |_: &()| _ = timeout(LONG, yield_now()).await);
}

#[test]
fn r06_a_loop_of_joins_goes_on() {
    loops(
        || (),
        async |_: &()| {
            _ = nursery(async |n| {
                _ = n.spawn(async { yield_now().await }).await;
                Ok::<_, E>(())
            })
            .await
        },
    );
}

#[test]
fn r06_an_interval_goes_on() {
    outlives(async |go| {
        let mut ticks = interval(ms(1));
        while !go.get() {
            ticks.tick().await;
        }
    });
}

static NAME: TaskLocal<u8> = TaskLocal::new();

#[test]
fn r06_a_scope_that_outlives_the_timeout_is_not_cancelled() {
    outlives(async |go| {
        let work = async {
            while !go.get() {
                yield_now().await;
            }
            sleep(ms(1)).await;
            nop().await.expect("not cancelled");
        };
        NAME.scope(7, async { timeout(LONG, work).await.expect("in time") }).await;
    });
}

/// The handle of a child, `cancelled` and the operations of a worker.
#[test]
fn r06_a_worker_that_has_heard_goes_on() {
    outlives(async |_go| {
        let quiet = listener().await;
        assert_eq!(never(&quiet).await, Err(E::Cancelled), "the timeout cancels it");
        nop().await.expect("not cancelled");
        assert!(poll_once(Box::pin(cancelled()).as_mut()).await.is_pending(), "not cancelled");
    });
}

/// Two workers are polled in a timeout. One shields itself for longer than that lasts; meanwhile
/// the other's turn comes, and passes: it is in a cancelled scope. After the timeout it is served.
fn passed_over<W: Future<Output = ()>>(
    worker: impl FnOnce(Rc<Served>) -> W + Send + 'static,
    serve: fn(&Served),
) {
    run(async move || {
        let served = Rc::new(Served::new());
        let its = Rc::clone(&served);
        let result = nursery(async |n| {
            let all: [LocalBoxFuture<'_, u8>; 2] = [
                worker(its).map(|()| 1).boxed_local(),
                async {
                    shield(sleep(ms(30))).await;
                    2
                }
                .boxed_local(),
            ];
            let mut set = Set::from_iter(all);
            n.spawn(async {
                sleep(ms(15)).await;
                serve(&served);
            });
            // The shield keeps the timeout; it may answer, or be cut after it.
            let first = timeout(ms(5), set.next()).await;
            let mut ended: Vec<u8> = first.ok().flatten().into_iter().collect();
            while let Some(worker) = set.next().await {
                ended.push(worker);
            }
            ended.sort_unstable();
            assert_eq!(ended, [1, 2]);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// What the workers wait for.
struct Served {
    semaphore: Semaphore,
    notify: Notify,
    local: (channel::Sender<u8>, Cell<Option<channel::Receiver<u8>>>),
    far: (remote::channel::Sender<u8>, Cell<Option<remote::channel::Receiver<u8>>>),
    once: Cell<Option<oneshot::Sender<u8>>>,
    once_received: Cell<Option<oneshot::Receiver<u8>>>,
}

impl Served {
    fn new() -> Self {
        let (sender, receiver) = channel(1);
        let (far_sender, far_receiver) = remote::channel::channel(1);
        let (once, received) = oneshot();
        Self {
            semaphore: Semaphore::new(0),
            notify: Notify::new(),
            local: (sender, Cell::new(Some(receiver))),
            far: (far_sender, Cell::new(Some(far_receiver))),
            once: Cell::new(Some(once)),
            once_received: Cell::new(Some(received)),
        }
    }
}

#[test]
fn r19_a_permit_is_had_after_the_timeout() {
    passed_over(async |it| drop(it.semaphore.acquire().await), |it| it.semaphore.add_permits(1));
}

#[test]
fn r19_a_notification_is_had_after_the_timeout() {
    passed_over(async |it| it.notify.notified().await, |it| it.notify.notify_one());
}

#[test]
fn r19_a_notification_of_all_is_had_after_the_timeout() {
    passed_over(async |it| it.notify.notified().await, |it| it.notify.notify_all());
}

#[test]
fn r19_a_message_is_had_after_the_timeout() {
    passed_over(
        async |it| {
            let receiver = it.local.1.take().expect("once");
            assert_eq!(receiver.recv().await, Some(7));
        },
        |it| it.local.0.try_send(7).expect("room"),
    );
}

#[test]
fn r19_a_remote_message_is_had_after_the_timeout() {
    passed_over(
        async |it| {
            let receiver = it.far.1.take().expect("once");
            assert_eq!(receiver.recv().await, Some(7));
        },
        |it| it.far.0.try_send(7).expect("room"),
    );
}

#[test]
fn r19_an_only_message_is_had_after_the_timeout() {
    passed_over(
        async |it| assert_eq!(it.once_received.take().expect("once").await, Ok(7)),
        |it| it.once.take().expect("once").send(7).expect("it receives"),
    );
}

/// Children of a nursery that is not cancelled do not live on what is lent to a cancelled timeout.
#[test]
fn r18_a_nursery_polled_in_a_timeout_spends_nothing_that_is_lent() {
    const TURNS: u32 = 10_000;
    run(async || {
        let (semaphore, done, go) = (Semaphore::new(1), Cell::new(0), Cell::new(false));
        let mut fut = Box::pin(nursery(async |n| {
            n.spawn(async {
                while !go.get() {
                    yield_now().await;
                }
                for _ in 0..TURNS {
                    drop(semaphore.acquire().await);
                    done.set(done.get() + 1);
                }
            });
            Ok::<_, E>(())
        }));
        assert!(poll_once(fut.as_mut()).await.is_pending());
        // The shield has the nursery be polled in the timeout when that has expired.
        let polls = async {
            let shielded = shield(async {
                sleep(ms(10)).await;
                go.set(true);
                sleep(ms(10)).await;
            });
            _ = futures_util::future::join(shielded, fut.as_mut()).await;
        };
        let late = timeout(ms(1), polls).await;
        if late.is_err() {
            assert_eq!(fut.await, Ok(()));
        }
        assert_eq!(done.get(), TURNS);
    });
}

/// R12: what a worker has in flight in a scope of its own that outlives the timeout is joined.
#[test]
fn r12_a_scope_that_outlives_the_timeout_is_joined() {
    run(async || {
        let before = stats().in_flight;
        let result = nursery(async |_| {
            let quiet = listener().await;
            let worker = timeout(LONG, async { shield(never(&quiet)).await });
            let mut set = FuturesUnordered::from_iter([worker]);
            assert!(poll_once(Box::pin(timeout(LONG, set.next())).as_mut()).await.is_pending());
            settle().await;
            assert!(stats().in_flight > before);
            drop(set);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(stats().in_flight, before, "the nursery has waited for the kernel");
    });
}

/// The time of a timeout inside comes while that around it is cancelled, and kept for a shield.
#[test]
fn r14_a_timeout_inside_elapses_after_that_around_it() {
    run(async || {
        let inner = async {
            assert!(timeout(ms(15), pending::<()>()).await.is_err());
            1
        };
        let shielded = async {
            shield(sleep(ms(40))).await;
            2
        };
        let mut set = Set::from_iter([inner.boxed_local(), shielded.boxed_local()]);
        let first = timeout(ms(5), set.next()).await;
        let mut ended: Vec<u8> = first.ok().flatten().into_iter().collect();
        while let Some(worker) = set.next().await {
            ended.push(worker);
        }
        ended.sort_unstable();
        assert_eq!(ended, [1, 2]);
    });
}

/// Each timeout that expires has its own clean-up, however many a task has.
#[test]
fn r06_nurseries_in_the_clean_ups_of_many_timeouts() {
    run(async || {
        let quiet = listener().await;
        for _ in 0..100 {
            let cleaned = timeout(ms(1), async {
                assert_eq!(never(&quiet).await, Err(E::Cancelled));
                nursery(async |_| Ok::<_, E>(())).await
            });
            assert_eq!(cleaned.await, Ok(Ok(())));
        }
    });
}

/// What a set has in flight when the scope in which it was polled has gone, in a cancelled child.
async fn joined_after(set: impl AsyncFn(&TcpListener)) {
    let before = stats().in_flight;
    let result = nursery(async |n| {
        n.spawn(async { set(&listener().await).await });
        settle().await;
        n.cancel();
        Ok::<_, E>(())
    });
    assert_eq!(result.await, Ok(()));
    assert_eq!(stats().in_flight, before, "the nursery has waited for the kernel");
}

#[test]
fn r12_a_shield_that_outlives_its_scope_is_joined() {
    run(async || {
        joined_after(async |quiet| {
            let mut set = FuturesUnordered::from_iter([shield(never(quiet))]);
            let next = Box::pin(timeout(LONG, set.next()));
            _ = select(next, pin!(cancelled())).await;
        })
        .await;
    });
}

#[test]
fn r12_a_scope_that_outlives_its_shield_is_joined() {
    run(async || {
        joined_after(async |quiet| {
            let mut set = FuturesUnordered::from_iter([timeout(LONG, never(quiet))]);
            let next = Box::pin(shield(set.next()));
            _ = select(next, pin!(cancelled())).await;
        })
        .await;
    });
}
