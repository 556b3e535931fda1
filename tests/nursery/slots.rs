//! `slot` and `Options::slots`: so many children and no more; those who wait are served in order.

use crate::support::nurseries::{
    Count, E, Log, OnDrop, listener, never, run, settle, slots, throw,
};
use crate::support::poll_once;
use futures_util::FutureExt;
use futures_util::future::{join_all, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::sync::Notify;
use nestling::task::yield_now;
use nestling::{Nursery, Options, Slot, nursery, nursery_with, shield, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// How many are alive, and how many were at most.
#[derive(Default)]
struct Alive(Cell<usize>, Cell<usize>);

impl Alive {
    fn enter(&self) -> impl Drop + use<'_> {
        self.0.set(self.0.get() + 1);
        self.1.set(self.1.get().max(self.0.get()));
        OnDrop(|| self.0.set(self.0.get() - 1))
    }
}

/// A slot, if one is free now.
async fn free<'s, 'e>(n: &'s Nursery<'s, 'e, E>) -> bool {
    poll_once(pin!(n.slot())).await.is_ready()
}

/// Asks from many places, with ends of every kind: the limit holds at every moment.
#[test]
fn slot_the_limit_is_never_exceeded() {
    for most in [1, 2, 7] {
        let seen = run(async move || {
            let (alive, ended) = (Alive::default(), Count::default());
            let result = nursery_with(slots(most), async |n| {
                for asker in 0..5 {
                    let (alive, ended) = (&alive, &ended);
                    n.spawn(async move {
                        for round in 0..40_u64 {
                            let slot = n.slot().await;
                            let work = async move {
                                let _alive = alive.enter();
                                for _ in 0..(round * 7 + asker) % 5 {
                                    nop().await?;
                                    yield_now().await;
                                }
                                ended.one();
                                if round % 9 == 0 {
                                    throw(1)
                                }
                                if round % 11 == 0 { Err(E::Boom(1)) } else { Ok(()) }
                            };
                            let child = slot.supervise(work);
                            if round % 6 == 0 {
                                nop().await?;
                                child.cancel();
                            }
                            if round % 5 == 0 {
                                let extra = n.try_spawn(async {
                                    let _alive = alive.enter();
                                    nop().await.expect("not cancelled");
                                });
                                drop(extra);
                            }
                        }
                        Ok(())
                    });
                }
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
            assert_eq!(alive.0.get(), 0);
            assert!(ended.get() >= 100);
            alive.1.get()
        });
        assert_eq!(seen, most);
    }
}

#[test]
fn slot_waiters_are_served_in_order() {
    run(async || {
        let order = RefCell::new(Vec::new());
        let result = nursery_with(slots(1), async |n| {
            let first = n.slot().await;
            for number in 0..20 {
                let order = &order;
                n.spawn(async move {
                    // The later ones ask again and again: that gains them nothing.
                    let mut slot = pin!(n.slot());
                    for _ in 0..number {
                        if let std::task::Poll::Ready(_early) = poll_once(slot.as_mut()).await {
                            panic!("it is taken");
                        }
                    }
                    slot.await.spawn(async move {
                        order.borrow_mut().push(number);
                        nop().await.expect("not cancelled");
                    });
                });
            }
            settle().await;
            drop(first);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(order.take(), (0..20).collect::<Vec<_>>());
    });
}

/// A slot that comes free is the first waiter's at once: no other overtakes it before its poll.
#[test]
fn slot_nobody_overtakes() {
    run(async || {
        let served = Count::default();
        let result = nursery_with(slots(1), async |n| {
            let first = n.slot().await;
            n.spawn(async {
                drop(n.slot().await);
                served.one();
            });
            settle().await;
            drop(first);
            assert!(n.try_spawn(async {}).is_err(), "it is the waiter's");
            assert!(!free(n).await);
            settle().await;
            assert_eq!(served.get(), 1);
            assert!(free(n).await);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// Those who stop waiting leave nothing behind: cut, timed out, dropped, or served just then.
#[test]
fn slot_a_waiter_that_goes_leaves_no_ghost() {
    run(async || {
        let result = nursery_with(slots(1), async |n| {
            let taken = n.slot().await;
            // Cut.
            let cut = n.spawn(async {
                drop(n.slot().await);
                panic!("never");
            });
            // Timed out.
            n.spawn(async {
                let late = timeout(Duration::from_millis(1), n.slot()).await;
                assert!(late.is_err());
            });
            // Dropped after one poll, and before.
            assert!(!free(n).await);
            drop(n.slot());
            settle().await;
            cut.cancel();
            assert!(cut.await.is_err());
            while !n.is_empty() {
                nop().await?;
            }
            drop(taken);
            assert!(free(n).await);
            // Served, and dropped before it could know.
            let taken = n.slot().await;
            let (mut one, mut two) = (Box::pin(n.slot()), Box::pin(n.slot()));
            assert!(poll_once(one.as_mut()).await.is_pending());
            assert!(poll_once(two.as_mut()).await.is_pending());
            drop(taken);
            drop(one);
            assert!(poll_once(two.as_mut()).await.is_ready(), "the next one has it");
            drop(two);
            assert!(free(n).await);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// However a child ends, its slot is free when its destructors have run.
#[test]
fn slot_comes_back_from_every_end() {
    run(async || {
        let quiet = listener().await;
        let result = nursery_with(slots(1), async |n| {
            n.slot().await.spawn(async {});
            n.slot().await.spawn(async { Ok(nop().await?) });
            drop(n.slot().await);
            drop(n.slot().await.supervise(async { Err::<(), _>(1) }));
            drop(n.slot().await.supervise(async { throw(1) }));
            let cut = n.slot().await.spawn(pending::<()>());
            nop().await?;
            cut.cancel();
            let told = n.slot().await.spawn(async { never(&quiet).await });
            nop().await?;
            told.cancel();
            let unpolled = n.slot().await.spawn(async { panic!("never") });
            unpolled.cancel();
            let tried = n.slot().await;
            drop(tried);
            n.try_spawn(async {}).map_err(drop).expect("room").await?;
            assert!(n.slot().now_or_never().is_some());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        // In a child that fails or panics, and in a nursery that is cancelled.
        let gone = Rc::new(());
        let held = Rc::clone(&gone);
        let work = nursery_with(slots(1), async move |n| {
            let held = Rc::clone(&held);
            n.slot().await.spawn(async move {
                let _held = held;
                throw(2);
                #[expect(unreachable_code, reason = "the type of the output")]
                Ok(())
            });
            n.slot().await.spawn(async { panic!("never") });
            Ok::<(), E>(())
        });
        assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
        assert_eq!(Rc::strong_count(&gone), 1);
    });
}

#[test]
fn slot_is_free_after_the_childs_destructors() {
    run(async || {
        let log = Log::default();
        let result = nursery_with(slots(1), async |n| {
            n.slot().await.spawn(async {
                let _local = log.at_drop("local");
                nop().await.expect("not cancelled");
            });
            let captured = log.at_drop("captured");
            let slot = n.slot().await;
            log.say("second");
            let second = slot.spawn(async move {
                let _captured = captured;
                pending::<()>().await;
            });
            nop().await?;
            second.cancel();
            drop(n.slot().await);
            log.say("third");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["local", "second", "captured", "third"]);
    });
}

#[test]
fn slot_try_spawn_gives_the_future_back() {
    run(async || {
        let (log, ran) = (Log::default(), Count::default());
        let result = nursery_with(slots(1), async |n| {
            let slot = n.slot().await;
            let child = Box::pin(async {
                let _gone = log.at_drop("gone");
                ran.one();
            });
            let Err(child) = n.try_spawn(child) else { panic!("it is full") };
            assert_eq!((ran.get(), n.len()), (0, 0), "it was not polled");
            drop(slot);
            let handle = n.try_spawn(child).map_err(drop).expect("room");
            assert!(n.try_spawn(async {}).is_err(), "it takes the slot");
            handle.await?;
            assert_eq!((ran.get(), log.take()), (1, vec!["gone"]));
            n.cancel();
            let child = Box::pin(async { ran.one() });
            let Err(child) = n.try_spawn(child) else { panic!("it is cancelled") };
            // It may go elsewhere, also where it is cancelled, in a shield.
            shield(child).await;
            assert_eq!(ran.get(), 2);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let result = nursery(async |n| {
            let many = (0..1000).filter(|_| n.try_spawn(async {}).is_ok()).count();
            assert_eq!(many, 1000, "no limit, so no end of room");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

#[test]
fn slot_limits() {
    run(async || {
        let result = nursery_with(slots(0), async |n| {
            let _one: Slot<'_, '_, E> = n.slot().await;
            assert!(!free(n).await, "zero counts as one");
            // Plain children need none.
            n.spawn(settle()).await?;
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        let result = nursery(async |n| {
            let slots = join_all((0..1000).map(|_| n.slot())).now_or_never();
            assert_eq!(slots.map(|slots| slots.len()), Some(1000), "no limit");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// A cancelled task does not get through, even if one is free; one that was served before does.
#[test]
fn slot_is_a_drop_point() {
    run(async || {
        let log = Log::default();
        let result = nursery_with(slots(1), async |n| {
            n.spawn(async {
                let _gone = log.at_drop("gone");
                nestling::cancelled().await;
                log.say("cancelled");
                drop(n.slot().await);
                log.say("never");
            });
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["cancelled", "gone"]);
        let result = nursery_with(slots(1), async |n| {
            let taken = n.slot().await;
            n.spawn(async {
                let _slot = n.slot().await;
                log.say("served");
                nop().await?;
                log.say("never");
                Ok(())
            });
            settle().await;
            drop(taken);
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(log.take(), ["served"]);
    });
}

/// In combinators that bring wakers of their own, and moved from one task to another.
#[test]
fn slot_in_company() {
    run(async || {
        let got = Count::default();
        let result = nursery_with(slots(2), async |n| {
            let mut all: FuturesUnordered<_> = (0..50).map(|_| n.slot()).collect();
            while let Some(slot) = all.next().await {
                got.one();
                slot.spawn(async { Ok(nop().await?) });
            }
            let _taken = (n.slot().await, n.slot().await);
            let first = select(Box::pin(n.slot()), Box::pin(settle())).await;
            assert!(matches!(first, futures_util::future::Either::Right(_)));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(got.get(), 50);
        // First polled here, awaited there.
        let result = nursery_with(slots(1), async |n| {
            let taken = n.slot().await;
            let mut waits = Box::pin(n.slot());
            assert!(poll_once(waits.as_mut()).await.is_pending());
            n.spawn(async move {
                waits.await.spawn(async { Ok(nop().await?) });
            });
            settle().await;
            drop(taken);
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// A server under load: far more askers than slots, and it ends.
#[test]
fn slot_ten_thousand_askers() {
    async fn ask<'s>(n: &'s Nursery<'s, '_, E>, done: &'s Count) {
        n.slot().await.spawn(async {
            yield_now().await;
            done.one();
        });
    }
    run(async || {
        let done = Count::default();
        let result = nursery_with(slots(3), async |n| {
            (0..10_000).for_each(|_| drop(n.spawn(ask(n, &done))));
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(done.get(), 10_000);
    });
}

/// Slots are no limit for `spawn`, which neither waits nor fails: its children take none.
#[test]
fn slot_is_for_those_who_ask_and_spawn_does_not() {
    run(async || {
        let gate = Notify::new();
        let result = nursery_with(slots(1), async |n| {
            for _ in 0..3 {
                n.spawn(gate.notified());
            }
            assert_eq!(n.len(), 3, "as many as there are");
            let slot = n.slot().await;
            assert!(n.try_spawn(async {}).is_err(), "the only one is taken");
            n.spawn(gate.notified());
            settle().await;
            assert_eq!(n.len(), 4);
            slot.spawn(async { gate.notify_all() });
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// Code that says `limit` means slots.
#[test]
#[expect(deprecated, reason = "the former name")]
fn slot_options_by_their_former_name() {
    run(async || {
        let most = async |options| {
            nursery_with(options, async |n| {
                let full = |_: &u32| n.try_spawn(pending::<()>()).is_err();
                let first = (0..9).find(full);
                n.cancel();
                Ok::<_, E>(first)
            })
            .await
        };
        let former = Options { limit: Some(3), ..Options::default() };
        assert_eq!(most(former).await, Ok(Some(3)));
        assert_eq!(most(Options { slots: Some(2), ..former }).await, Ok(Some(2)), "the new one");
    });
}
