//! Spawning and joining 1,000 children, with nothing to do or with one yield, against peers.
//!
//! ```text
//! cargo bench --manifest-path benches/peers/Cargo.toml --bench spawn
//! ```
//!
//! Times are per child, from the spawn until all are joined. The peers are Tokio's `JoinSet` on one
//! thread, and two without a runtime, polled with a waker that does nothing: `FuturesUnordered` of
//! boxed futures, and moro-local, whose scopes are built on that and let children borrow.

mod busy;
mod rounds;

use busy::busy;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rounds::{Contender, compare};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, LocalSet};

/// Children that are joined together.
const CHILDREN: u64 = 1_000;
/// Nurseries in a round, one after the other.
const NURSERIES: u64 = 50;

fn nestling<F>(runtime: &mut nestling::Runtime, child: fn() -> F) -> Duration
where
    F: Future<Output = ()>,
{
    runtime.block_on(async {
        let start = Instant::now();
        for _ in 0..NURSERIES {
            let result: io::Result<()> = nestling::nursery(async |n| {
                for _ in 0..CHILDREN {
                    n.spawn(child());
                }
                Ok(())
            })
            .await;
            result.expect("no child fails");
        }
        start.elapsed()
    })
}

fn tokio<F>(runtime: &tokio::runtime::Runtime, child: fn() -> F) -> Duration
where
    F: Future<Output = ()> + 'static,
{
    LocalSet::new().block_on(runtime, async {
        let start = Instant::now();
        for _ in 0..NURSERIES {
            let mut set = JoinSet::new();
            for _ in 0..CHILDREN {
                set.spawn_local(child());
            }
            while let Some(joined) = set.join_next().await {
                joined.expect("no child panics");
            }
        }
        start.elapsed()
    })
}

fn unordered<F>(child: fn() -> F) -> Duration
where
    F: Future<Output = ()> + 'static,
{
    busy(async {
        let start = Instant::now();
        for _ in 0..NURSERIES {
            let mut set: FuturesUnordered<Pin<Box<dyn Future<Output = ()>>>> =
                FuturesUnordered::new();
            for _ in 0..CHILDREN {
                set.push(Box::pin(child()));
            }
            while let Some(()) = set.next().await {}
        }
        start.elapsed()
    })
}

fn moro<F>(child: fn() -> F) -> Duration
where
    F: Future<Output = ()> + 'static,
{
    busy(async {
        let start = Instant::now();
        for _ in 0..NURSERIES {
            moro_local::async_scope!(|scope| {
                for _ in 0..CHILDREN {
                    scope.spawn(child());
                }
            })
            .await;
        }
        start.elapsed()
    })
}

/// A yield that asks nothing of any runtime.
async fn yield_once() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn beside<N, T, U>(
    title: &str,
    rounds: usize,
    of_nestling: fn() -> N,
    of_tokio: fn() -> T,
    of_nobody: fn() -> U,
) where
    N: Future<Output = ()>,
    T: Future<Output = ()> + 'static,
    U: Future<Output = ()> + 'static,
{
    let mut ours = nestling::Runtime::builder().build().expect("a runtime");
    let theirs = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut contenders: [Contender<'_>; 4] = [
        ("nestling", Box::new(|| nestling(&mut ours, of_nestling))),
        ("Tokio JoinSet", Box::new(|| tokio(&theirs, of_tokio))),
        ("FuturesUnordered", Box::new(|| unordered(of_nobody))),
        ("moro-local", Box::new(|| moro(of_nobody))),
    ];
    compare(title, NURSERIES * CHILDREN, rounds, &mut contenders);
}

fn main() {
    let Some(rounds) = rounds::rounds() else { return };
    let nothing = || std::future::ready(());
    beside("spawn + join", rounds, nothing, nothing, nothing);
    // Each runtime with its own yield: Tokio's waits for the next turn, by design.
    let (of_nestling, of_tokio) = (nestling::task::yield_now, tokio::task::yield_now);
    beside("spawn + join, one yield", rounds, of_nestling, of_tokio, yield_once);
}
