//! Rule 1: a nursery ends when its body, its children and all they submitted have ended.

use crate::support::nurseries::{Count, E, inode, is_open, listener, never, run, settle};
use futures_util::future::select;
use nestling::nursery;
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::pin::pin;

#[test]
fn r01_the_bodys_value_is_the_nurserys() {
    assert_eq!(run(async || nursery(async |_| Ok::<_, E>(7)).await), Ok(7));
}

#[test]
fn r01_children_end_before_the_nursery() {
    let ended = run(async || {
        let ended = Count::default();
        let result = nursery(async |n| {
            for _ in 0..1000 {
                n.spawn(async {
                    nop().await?;
                    ended.one();
                    Ok(())
                });
            }
            Ok::<_, E>(())
        });
        result.await.expect("nothing failed");
        ended.get()
    });
    assert_eq!(ended, 1000);
}

#[test]
fn r01_a_child_spawned_after_the_body_has_ended_is_joined_too() {
    let ended = run(async || {
        let ended = Cell::new(false);
        let result = nursery(async |n| {
            n.spawn(async {
                settle().await;
                n.spawn(async {
                    settle().await;
                    n.spawn(async {
                        settle().await;
                        ended.set(true);
                    });
                });
            });
            Ok::<_, E>(())
        });
        result.await.expect("nothing failed");
        ended.get()
    });
    assert!(ended);
}

#[test]
fn r01_the_body_is_not_waited_for_by_its_children() {
    let order = run(async || {
        let order = RefCell::new(Vec::new());
        let result = nursery(async |n| {
            n.spawn(async { order.borrow_mut().push("child") });
            settle().await;
            order.borrow_mut().push("body");
            Ok::<_, E>(())
        });
        result.await.expect("nothing failed");
        order.into_inner()
    });
    assert_eq!(order, ["child", "body"]);
}

/// The child ends at once, but its accept, which lost a `select`, is with the kernel still. That
/// keeps the listener open, so a closed listener shows that the kernel is done.
#[test]
fn r01_what_a_child_left_in_flight_is_joined() {
    run(async || {
        let name = Cell::new(String::new());
        let result = nursery(async |n| {
            n.spawn(async {
                let quiet = listener().await;
                name.set(inode(&quiet));
                let accept = pin!(never(&quiet));
                let _ = select(accept, pin!(settle())).await;
            });
            Ok::<_, E>(())
        });
        result.await.expect("nothing failed");
        assert!(!is_open(&name.take()), "the kernel still has the accept");
    });
}

#[test]
fn r01_what_the_body_left_in_flight_is_joined() {
    run(async || {
        let name = Cell::new(String::new());
        let result = nursery(async |_| {
            let quiet = listener().await;
            name.set(inode(&quiet));
            let accept = pin!(never(&quiet));
            let _ = select(accept, pin!(settle())).await;
            Ok::<_, E>(())
        });
        result.await.expect("nothing failed");
        assert!(!is_open(&name.take()), "the kernel still has the accept");
    });
}

#[test]
fn r01_nurseries_nest() {
    let sum = run(async || {
        let sum = Cell::new(0);
        let add = |n| sum.set(sum.get() + n);
        let result = nursery(async |outer| {
            outer.spawn(async {
                let inner = nursery(async |inner| {
                    for n in 1..=10 {
                        inner.spawn(async move {
                            settle().await;
                            add(n);
                        });
                    }
                    Ok::<_, E>(())
                });
                inner.await?;
                assert_eq!(sum.get(), 55, "the inner nursery has joined its children");
                Ok(())
            });
            Ok::<_, E>(())
        });
        result.await.expect("nothing failed");
        sum.get()
    });
    assert_eq!(sum, 55);
}

#[test]
fn r01_len_counts_the_children_that_have_not_ended() {
    run(async || {
        let result = nursery(async |n| {
            assert!(n.is_empty());
            let quick = n.spawn(async {});
            let slow = n.spawn(settle());
            assert_eq!(n.len(), 2);
            quick.await?;
            assert_eq!(n.len(), 1);
            slow.await?;
            assert_eq!((n.len(), n.is_empty()), (0, true));
            Ok::<_, E>(())
        });
        result.await.expect("nothing failed");
    });
}
