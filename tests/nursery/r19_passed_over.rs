//! R19: slots, turns of blocking calls, connections and bytes go past a task that is cancelled.

use crate::support::nurseries::{E, Log, accept, pair, run, settle, slots, std_connect, within};
use crate::support::poll_once;
use futures_util::future::join;
use nestling::net::TcpListener;
use nestling::sync::Notify;
use nestling::task::{spawn_blocking, yield_now};
use nestling::{Runtime, nursery, nursery_with, shield};
use std::future::Future;
use std::io::Write;
use std::pin::pin;
use std::sync::mpsc;

/// Says who goes on, and is cut at its next wait if it is cancelled.
async fn says<T>(log: &Log, name: &'static str, wait: impl Future<Output = T>) {
    let _kept = wait.await;
    log.say(name);
    yield_now().await;
}

#[test]
fn r19_a_slot_goes_past_a_cancelled_waiter() {
    run(async || {
        let log = Log::default();
        let result = nursery_with(slots(1), async |n| {
            let taken = n.slot().await;
            let cancelled = n.spawn(says(&log, "cancelled", n.slot()));
            n.spawn(says(&log, "waits", n.slot()));
            settle().await;
            cancelled.cancel();
            drop(taken);
            settle().await;
            assert_eq!(log.take(), ["waits"]);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r19_a_slot_goes_to_a_shielded_waiter_and_stays_with_one_that_was_served() {
    run(async || {
        let log = Log::default();
        let result = nursery_with(slots(1), async |n| {
            let taken = n.slot().await;
            let shielded = n.spawn(shield(says(&log, "shielded", n.slot())));
            let served = n.spawn(says(&log, "served", n.slot()));
            let last = n.spawn(says(&log, "last", n.slot()));
            settle().await;
            shielded.cancel();
            drop(taken);
            settle().await;
            assert_eq!(log.take(), ["shielded", "served", "last"]);
            for handle in [shielded, served, last] {
                handle.await?;
            }
            let taken = n.slot().await;
            let served = n.spawn(says(&log, "served", n.slot()));
            settle().await;
            drop(taken);
            served.cancel();
            settle().await;
            assert_eq!(log.take(), ["served"]);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn r19_a_slot_is_free_while_only_cancelled_ones_wait() {
    run(async || {
        let log = Log::default();
        let result = nursery_with(slots(1), async |n| {
            let taken = n.slot().await;
            let all = [(); 1000].map(|()| n.spawn(says(&log, "cancelled", n.slot())));
            settle().await;
            all.iter().for_each(|handle| handle.cancel());
            drop(taken);
            assert!(n.try_spawn(async {}).is_ok());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(log.take().is_empty());
    });
}

/// A slot's child ends while one that waits for it is cancelled, but kept by a shield.
#[test]
fn r19_a_slot_goes_past_a_waiter_that_is_kept() {
    run(async || {
        let (log, over) = (Log::default(), Notify::new());
        let result = nursery_with(slots(1), async |n| {
            let end = Notify::new();
            let child = async {
                end.notified().await;
            };
            let mut child = pin!(child);
            let taken = n.slot().await;
            let cancelled = n.spawn(async {
                join(says(&log, "cancelled", n.slot()), shield(over.notified())).await;
            });
            n.spawn(says(&log, "waits", n.slot()));
            settle().await;
            cancelled.cancel();
            settle().await;
            end.notify_one();
            child.as_mut().await;
            drop(taken);
            settle().await;
            assert_eq!(log.take(), ["waits"]);
            over.notify_one();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// One thread: a call runs, another one is queued, the rest wait for their turn on the core.
#[test]
fn r19_a_blocking_call_is_not_sent_for_a_cancelled_task() {
    within(|| {
        let runtime = Runtime::builder().blocking_threads(1).build();
        runtime.expect("a ring").block_on(async {
            let (ran, order) = mpsc::channel();
            let result = nursery(async |n| {
                let (go, gate) = mpsc::channel::<()>();
                n.spawn(async move {
                    spawn_blocking(move || gate.recv().expect("it is opened")).await.expect("runs");
                });
                let call = |number: u32| {
                    let ran = ran.clone();
                    async move {
                        let ended = spawn_blocking(move || ran.send(number)).await;
                        drop(ended);
                    }
                };
                let all = [0, 1, 2, 3].map(|number| n.spawn(call(number)));
                settle().await;
                all[1].cancel();
                go.send(()).expect("it waits");
                settle().await;
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            drop(ran);
            assert_eq!(order.iter().collect::<Vec<_>>(), [0, 2, 3]);
        });
    });
}

/// A connection that came for an accept which was dropped: two others wait, and the first of them
/// is cancelled in the same turn.
#[test]
fn r19_a_parked_connection_goes_past_a_cancelled_accept() {
    run(async || {
        for kept in [false, true] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let (log, over) = (Log::default(), Notify::new());
            let result = nursery(async |n| {
                let chosen = n.spawn(async { accept(&listener).await.map(drop) });
                settle().await;
                let cancelled = n.spawn(async {
                    let accept = async {
                        if accept(&listener).await.is_ok() {
                            log.say("cancelled");
                        }
                        yield_now().await;
                    };
                    let shield = async {
                        if kept {
                            shield(over.notified()).await;
                        }
                    };
                    join(accept, shield).await;
                });
                settle().await;
                let waits = n.spawn(async { accept(&listener).await });
                settle().await;
                let _client = std_connect(listener.local_addr()?);
                chosen.cancel();
                cancelled.cancel();
                waits.await?;
                over.notify_one();
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            assert!(log.take().is_empty());
        }
    });
}

/// Bytes that came for a read which was dropped are kept: a cancelled reader, which waits for them
/// first, leaves them to the next.
#[test]
fn r19_kept_bytes_go_past_a_cancelled_read() {
    run(async || {
        let (stream, peer) = pair().await;
        let peer = peer.into_std().expect("nothing was kept");
        let result = nursery(async |n| {
            // Dropped in flight, it may still take what comes.
            let mut dropped = Box::pin(stream.read(vec![0; 8]));
            assert!(poll_once(dropped.as_mut()).await.is_pending());
            settle().await;
            (&peer).write_all(b"bytes").expect("room");
            drop(dropped);
            let cancelled =
                n.spawn(async { stream.read(vec![0; 8]).await.0.map(drop).map_err(E::from) });
            let waits = n.spawn(async {
                let (result, buffer) = stream.read(vec![0; 8]).await;
                result.map(|length| buffer[..length].to_vec()).map_err(E::from)
            });
            yield_now().await;
            cancelled.cancel();
            assert_eq!(waits.await?, b"bytes");
            assert!(cancelled.await.is_err());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}
