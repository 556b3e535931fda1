//! What children may hold: borrows of their surroundings, exclusive ones, and what is not `Send`.

use crate::support::nurseries::{E, run, settle};
use nestling::{JoinHandle, Never, Nursery, nursery};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[test]
fn children_change_what_they_borrow() {
    let (number, list) = run(async || {
        let (mut number, mut list) = (0, vec![1]);
        let result = nursery(async |n| {
            n.spawn(async {
                for _ in 0..10 {
                    nop().await?;
                    number += 1;
                }
                Ok(())
            });
            n.spawn(async {
                list.push(2);
                nop().await?;
                list.push(3);
                Ok(())
            });
            Ok::<_, E>(())
        });
        result.await.expect("nothing failed");
        (number, list)
    });
    assert_eq!((number, list), (10, vec![1, 2, 3]));
}

#[test]
fn children_share_what_is_not_send() {
    let seen = run(async || {
        let shared = (Cell::new(0), Rc::new(RefCell::new(Vec::new())));
        let result = nursery(async |n| {
            for number in 0..100 {
                let shared = &shared;
                n.spawn(async move {
                    nop().await?;
                    shared.0.set(shared.0.get() + number);
                    shared.1.borrow_mut().push(number);
                    Ok(())
                });
            }
            Ok::<_, E>(())
        });
        result.await.expect("nothing failed");
        assert_eq!(shared.1.borrow().len(), 100);
        shared.0.get()
    });
    assert_eq!(seen, 4950);
}

#[test]
fn a_value_may_be_a_borrow() {
    async fn longest<'a>(one: &'a str, two: &'a str) -> Result<&'a str, E> {
        nursery(async |n| {
            let handle = n.spawn(async {
                nop().await?;
                Ok(if one.len() > two.len() { one } else { two })
            });
            Ok(handle.await?)
        })
        .await
    }
    run(async || {
        let (one, two) = (String::from("one"), String::from("three"));
        assert_eq!(longest(&one, &two).await, Ok("three"));
    });
}

#[test]
fn inner_children_borrow_the_outer_body() {
    let total = run(async || {
        let outside = [1, 2];
        nursery(async |outer| {
            let local = [3, 4];
            let inner = nursery(async |inner| {
                let sum = inner.spawn(async { Ok(outside[0] + local[1]) });
                outer.spawn(async {
                    let _ = outside;
                    settle().await;
                });
                Ok::<_, E>(sum.await?)
            });
            Ok::<_, E>(inner.await? + local[0] + outside[1])
        })
        .await
    });
    assert_eq!(total, Ok(10));
}

#[test]
fn endless_children_and_children_that_cannot_fail() {
    async fn start<'s>(n: &'s Nursery<'s, '_, E>) -> (JoinHandle<'s, Never>, JoinHandle<'s, ()>) {
        let endless = n.spawn(async {
            loop {
                nop().await.ok();
            }
        });
        (endless, n.spawn(async {}))
    }
    run(async || {
        let result = nursery(async |n| {
            let (endless, finite) = start(n).await;
            finite.await?;
            n.cancel();
            assert!(!endless.is_finished());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
    });
}

/// Trap 14: the same turn has everything: ends, failures, spawns, joins.
#[test]
fn everything_in_one_turn() {
    run(async || {
        for failing in 0..6 {
            let ended = Cell::new(0);
            let result = nursery(async |n| {
                let handles: Vec<_> = (0..6)
                    .map(|index| {
                        let ended = &ended;
                        n.spawn(async move {
                            nop().await?;
                            if index == failing {
                                return Err(E::Boom(index));
                            }
                            n.spawn(async { ended.set(ended.get() + 100) });
                            ended.set(ended.get() + 1);
                            Ok(index)
                        })
                    })
                    .collect();
                for handle in handles {
                    handle.await?;
                }
                Ok(())
            });
            assert_eq!(result.await, Err(E::Boom(failing)));
            // All were answered in one batch, so the others ended; what they spawned before the
            // failure was still in line behind it.
            assert_eq!(ended.get(), 5, "with {failing} failing");
        }
    });
}
