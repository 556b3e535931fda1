//! Rule 11: spawning after a cancel, from children, from destructors, and in growing numbers.

use crate::support::nurseries::{
    Count, E, Log, OnDrop, counted, inode, is_open, listener, run, settle,
};
use nestling::{Cancelled, Nursery, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::Cell;
use std::future::pending;

#[test]
fn r11_after_a_cancel_the_child_is_dropped_unpolled() {
    let (log, stats) = counted(async || {
        let log = &Log::default();
        let result = nursery(async |n| {
            n.cancel();
            let argument = log.at_drop("argument");
            let handle = n.spawn(async move {
                let _argument = argument;
                log.say("ran");
                nop().await.map_err(E::from)
            });
            log.say("spawned");
            assert!(handle.is_finished());
            assert_eq!(n.len(), 0);
            assert_eq!(handle.await, Err(Cancelled::new()));
            log.say("joined");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(log, ["argument", "spawned", "joined"]);
    assert_eq!(stats.submitted, 0);
}

#[test]
fn r11_what_the_child_owned_is_closed_before_the_nursery_returns() {
    run(async || {
        let name = Cell::new(String::new());
        let result = nursery(async |n| {
            let quiet = listener().await;
            name.set(inode(&quiet));
            n.cancel();
            n.spawn(async move { quiet.accept().await.map(drop) });
            Ok(())
        });
        let result: std::io::Result<()> = result.await;
        result.expect("only cancelled");
        assert!(!is_open(&name.take()));
    });
}

#[test]
fn r11_destructors_may_spawn_and_cancel() {
    let dropped = run(async || {
        let dropped = &Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                let _local = OnDrop(|| {
                    let argument = OnDrop(|| dropped.one());
                    n.spawn(async move {
                        let _argument = argument;
                        settle().await;
                    });
                    n.cancel();
                });
                pending::<()>().await;
            });
            settle().await;
            Err::<(), _>(E::Boom(12))
        });
        assert_eq!(result.await, Err(E::Boom(12)));
        dropped.get()
    });
    assert_eq!(dropped, 1);
}

/// Trap 14: the failing child spawns another one in the poll in which it fails.
#[test]
fn r11_spawned_during_the_failure() {
    let log = run(async || {
        let log = Log::default();
        let result = nursery(async |n| {
            n.spawn(async {
                n.spawn(async { log.say("ran") });
                Err::<(), _>(E::Boom(1))
            });
            Ok(())
        });
        assert_eq!(result.await, Err(E::Boom(1)));
        log.take()
    });
    assert!(log.is_empty(), "{log:?}");
}

#[test]
fn r11_a_child_spawns_into_its_own_nursery() {
    async fn walk<'s>(n: &'s Nursery<'s, '_, E>, depth: u32, seen: &'s Count) -> Result<(), E> {
        seen.one();
        if depth > 0 {
            n.spawn(walk(n, depth - 1, seen));
            nop().await?;
            n.spawn(walk(n, depth - 1, seen));
        }
        Ok(())
    }
    let seen = run(async || {
        let seen = Count::default();
        let result = nursery(async |n| {
            n.spawn(walk(n, 9, &seen));
            Ok(())
        });
        assert_eq!(result.await, Ok(()));
        seen.get()
    });
    assert_eq!(seen, 1023);
}

/// Children that replace themselves by two end with the nursery.
#[test]
fn r11_a_hydra_ends() {
    async fn hydra<'s>(n: &'s Nursery<'s, '_, E>, heads: &'s Count) -> Result<(), E> {
        let _respawns = OnDrop(|| drop(n.spawn(hydra(n, heads))));
        heads.one();
        nop().await?;
        n.spawn(hydra(n, heads));
        n.spawn(hydra(n, heads));
        Ok(())
    }
    let heads = run(async || {
        let heads = Count::default();
        let result = nursery(async |n| {
            n.spawn(hydra(n, &heads));
            while heads.get() < 1000 {
                nop().await?;
            }
            Err::<(), _>(E::Boom(13))
        });
        assert_eq!(result.await, Err(E::Boom(13)));
        heads.get()
    });
    assert!(heads >= 1000);
}

#[test]
fn r11_an_inner_child_spawns_into_the_outer_nursery() {
    let order = run(async || {
        let log = Log::default();
        let result = nursery(async |outer| {
            let inner = nursery(async |inner| {
                inner.spawn(async {
                    outer.spawn(async {
                        settle().await;
                        log.say("outer's");
                    });
                });
                Ok::<_, E>(())
            });
            inner.await?;
            log.say("inner returned");
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        log.take()
    });
    assert_eq!(order, ["inner returned", "outer's"]);
}
