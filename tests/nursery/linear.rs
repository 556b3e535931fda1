//! Cancelling costs what there is to cancel, and no more: the nodes that it looks at grow as the
//! tasks do. Counted, not timed.

use crate::support::nurseries::{Count, E, listener, never, run, settle};
use nestling::net::TcpListener;
use nestling::sync::Semaphore;
use nestling::time::sleep;
use nestling::{nursery, shield, timeout};
use nestling_runtime::lowlevel::{nop, visits};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);

/// What a cancel looks at for so many tasks; `spawn` makes them.
fn looked_at(tasks: usize, spawn: fn(usize) -> Level) -> u64 {
    run(async move || {
        let mut before = 0;
        let result = nursery(async |n| {
            n.spawn(spawn(tasks));
            settle().await;
            before = visits();
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        visits() - before
    })
}

async fn forever() -> Result<(), E> {
    sleep(LONG).await;
    Ok(())
}

type Level = Pin<Box<dyn Future<Output = Result<(), E>>>>;

/// With four times as many tasks it looks at no more than five times as many nodes.
fn is_linear(small: usize, spawn: fn(usize) -> Level) {
    let (few, many) = (looked_at(small, spawn), looked_at(4 * small, spawn));
    assert!(many <= 5 * few, "{few} nodes for {small} tasks, {many} for {}", 4 * small);
}

/// Each child says goodbye in a shield, one after the other.
fn goodbyes(children: usize) -> Level {
    Box::pin(async move {
        let turns = Semaphore::new(1);
        let all = nursery(async |n| {
            for _ in 0..children {
                n.spawn(shield(async {
                    let _turn = turns.acquire().await;
                    nop().await.map_err(E::from)
                }));
            }
            Ok::<_, E>(())
        });
        all.await
    })
}

#[test]
fn r05_goodbyes_are_linear() {
    is_linear(400, goodbyes);
}

/// Each child awaits the handle of the one before; the first of them waits for the kernel.
fn chain(links: usize) -> Level {
    Box::pin(async move {
        let quiet = listener().await;
        let chained = nursery(async |n| {
            let mut last = n.spawn(async {
                let _ = never(&quiet).await;
                Ok(())
            });
            for _ in 0..links {
                last = n.spawn(last_of(last));
            }
            drop(last);
            Ok::<_, E>(())
        });
        chained.await
    })
}

async fn last_of(last: nestling::JoinHandle<'_, ()>) -> Result<(), E> {
    Ok(last.await?)
}

#[test]
fn a_chain_of_handles_is_cancelled_in_linear_time() {
    is_linear(2_000, chain);
}

/// As that, and each waits for the kernel as well.
fn chain_of_operations(links: usize) -> Level {
    Box::pin(async move {
        let quiet = listener().await;
        let chained = nursery(async |n| {
            let mut last = n.spawn(async {
                let _ = never(&quiet).await;
                Ok(())
            });
            for _ in 0..links {
                let before = last;
                last = n.spawn(async {
                    let (joined, _) = futures_util::join!(before, never(&quiet));
                    Ok(joined?)
                });
            }
            drop(last);
            Ok::<_, E>(())
        });
        chained.await
    })
}

#[test]
fn a_chain_of_handles_and_operations_is_cancelled_in_linear_time() {
    is_linear(1_000, chain_of_operations);
}

/// The newest is awaited by the one before, and so on: polled in the other order.
fn chain_backwards(links: usize) -> Level {
    fn link<'s>(n: &'s nestling::Nursery<'s, '_, E>, left: usize) -> LocalLevel<'s> {
        Box::pin(async move {
            if left == 0 {
                sleep(LONG).await;
                return Ok(());
            }
            let next = n.spawn(link(n, left - 1));
            Ok(next.await?)
        })
    }
    Box::pin(async move {
        let chained = nursery(async |n| {
            n.spawn(link(n, links));
            Ok::<_, E>(())
        });
        chained.await
    })
}

type LocalLevel<'s> = Pin<Box<dyn Future<Output = Result<(), E>> + 's>>;

#[test]
fn a_chain_of_handles_backwards_is_cancelled_in_linear_time() {
    is_linear(2_000, chain_backwards);
}

fn nested_bodies(levels: usize) -> Level {
    match levels {
        0 => Box::pin(async { forever().await }),
        _ => Box::pin(nursery(async move |_| nested_bodies(levels - 1).await)),
    }
}

fn nested_children(levels: usize) -> Level {
    if levels == 0 {
        return Box::pin(async { forever().await });
    }
    Box::pin(nursery(async move |n| {
        n.spawn(nested_children(levels - 1));
        Ok(())
    }))
}

fn nested_joins(levels: usize) -> Level {
    if levels == 0 {
        return Box::pin(async { forever().await });
    }
    Box::pin(nursery(async move |n| Ok(n.spawn(nested_joins(levels - 1)).await?)))
}

/// An operation at each level.
fn nested_operations(levels: usize) -> Level {
    fn level(levels: usize, quiet: Rc<TcpListener>) -> Level {
        if levels == 0 {
            return Box::pin(async { forever().await });
        }
        Box::pin(async move {
            let nested = nursery(async |n| {
                n.spawn(never(&quiet));
                n.spawn(level(levels - 1, Rc::clone(&quiet)));
                Ok(())
            });
            nested.await
        })
    }
    Box::pin(async move { level(levels, Rc::new(listener().await)).await })
}

fn nested_timeouts(levels: usize) -> Level {
    match levels {
        0 => Box::pin(async { nursery(async |_| forever().await).await }),
        _ => Box::pin(async move {
            timeout(LONG, nested_timeouts(levels - 1)).await.expect("no deadline passes")
        }),
    }
}

fn nested_shields(levels: usize) -> Level {
    match levels {
        0 => Box::pin(async {
            settle().await;
            Ok(())
        }),
        _ => Box::pin(shield(nested_shields(levels - 1))),
    }
}

/// Deep nests need more stack than a thread of the tests has.
fn is_linear_on_a_large_stack(small: usize, spawn: fn(usize) -> Level) {
    let thread = std::thread::Builder::new().stack_size(1 << 30);
    let measured = move |levels| {
        let mut before = 0;
        let ended = Count::default();
        nestling::block_on(async {
            let result = nursery(async |n| {
                n.spawn(async {
                    let _ = spawn(levels).await;
                    ended.one();
                });
                settle().await;
                before = visits();
                n.cancel();
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
        });
        visits() - before
    };
    let test = move || {
        let (few, many) = (measured(small), measured(4 * small));
        assert!(many <= 5 * few, "{few} nodes for {small} levels, {many} for {}", 4 * small);
    };
    thread.spawn(test).expect("a thread").join().expect("it is linear");
}

#[test]
fn nested_bodies_are_cancelled_in_linear_time() {
    is_linear_on_a_large_stack(1_000, nested_bodies);
}

#[test]
fn nested_children_are_cancelled_in_linear_time() {
    is_linear_on_a_large_stack(1_000, nested_children);
}

#[test]
fn nested_joins_are_cancelled_in_linear_time() {
    is_linear_on_a_large_stack(1_000, nested_joins);
}

#[test]
fn nested_operations_are_cancelled_in_linear_time() {
    is_linear_on_a_large_stack(200, nested_operations);
}

#[test]
fn nested_timeouts_are_cancelled_in_linear_time() {
    is_linear_on_a_large_stack(1_000, nested_timeouts);
}

#[test]
fn nested_shields_are_cancelled_in_linear_time() {
    is_linear_on_a_large_stack(1_000, nested_shields);
}
