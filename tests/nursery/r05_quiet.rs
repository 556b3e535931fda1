//! R5 while nothing happens: a cancelled task that is kept for shields inside combinators rests.
//! How often it is polled depends on what happens to it, not on how long that takes.

use crate::support::nurseries::{Count, E, count_polls, ms, run, settle};
use futures_util::future::{FutureExt, LocalBoxFuture, join3};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::time::sleep;
use nestling::{finally, nursery, shield, shield_for, timeout};

/// Far more polls than any of these needs, and far fewer than one that does not rest.
const MANY: u64 = 500;

/// Polls a child that is cancelled once it waits.
fn rests(child: fn() -> LocalBoxFuture<'static, ()>) {
    let polls = run(async move || {
        let count = Count::default();
        let result = nursery(async |n| {
            n.spawn(count_polls(&count, child()));
            settle().await;
            n.cancel();
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        count.get()
    });
    assert!(polls < MANY, "{polls}");
}

async fn all(set: impl IntoIterator<Item = LocalBoxFuture<'static, ()>>) {
    let mut set: FuturesUnordered<_> = set.into_iter().collect();
    while set.next().await.is_some() {}
}

/// Sets in sets, so deep, of so many each; shields innermost.
fn nested(depth: usize, many: usize) -> LocalBoxFuture<'static, ()> {
    let inner = move |_| match depth {
        0 => shield(sleep(ms(200))).boxed_local(),
        _ => nested(depth - 1, many),
    };
    all((0..many).map(inner)).boxed_local()
}

fn in_a_nursery(child: fn() -> LocalBoxFuture<'static, ()>) -> LocalBoxFuture<'static, ()> {
    async move {
        let result = nursery(async |n| {
            n.spawn(child());
            Ok::<_, E>(())
        });
        _ = result.await;
    }
    .boxed_local()
}

#[test]
fn r05_shields_in_a_set_rest() {
    rests(|| nested(0, 1));
    rests(|| nested(0, 3));
}

#[test]
fn r05_shields_in_nested_sets_rest() {
    rests(|| nested(1, 1));
    rests(|| nested(1, 2));
    rests(|| nested(2, 2));
    rests(|| nested(5, 1));
}

#[test]
fn r05_shields_in_several_sets_rest() {
    rests(|| async { _ = join3(nested(1, 1), nested(1, 2), nested(2, 1)).await }.boxed_local());
}

#[test]
fn r05_shields_in_nurseries_in_sets_rest() {
    rests(|| all((0..3).map(|_| in_a_nursery(|| nested(0, 1)))).boxed_local());
    rests(|| all((0..2).map(|_| in_a_nursery(|| nested(1, 2)))).boxed_local());
}

#[test]
fn r05_clean_ups_of_shields_in_sets_rest() {
    rests(|| {
        let work = || finally(nested(1, 2), async |_| sleep(ms(50)).await).boxed_local();
        all((0..3).map(move |_| work())).boxed_local()
    });
}

#[test]
fn r05_clean_ups_inside_each_other_rest() {
    rests(|| {
        let inner = finally(nested(0, 2), async |_| sleep(ms(5)).await);
        let middle = finally(inner, async |_| sleep(ms(5)).await);
        all([finally(middle, async |_| sleep(ms(5)).await).boxed_local()]).boxed_local()
    });
}

/// Polls a task that is not cancelled, but for parts of it.
fn rests_in_parts(parts: fn() -> LocalBoxFuture<'static, ()>) {
    let polls = run(async move || {
        let count = Count::default();
        count_polls(&count, parts()).await;
        count.get()
    });
    assert!(polls < MANY, "{polls}");
}

/// A timeout that expires long before what is inside of it ends.
fn late(inside: LocalBoxFuture<'static, ()>) -> LocalBoxFuture<'static, ()> {
    async { _ = timeout(ms(5), inside).await }.boxed_local()
}

fn late_shields(many: usize) -> LocalBoxFuture<'static, ()> {
    all((0..many).map(|_| late(shield(sleep(ms(100))).boxed_local()))).boxed_local()
}

#[test]
fn r05_timeouts_around_shields_in_sets_rest() {
    rests_in_parts(|| all((0..3).map(|_| late(nested(1, 2)))).boxed_local());
}

#[test]
fn r05_many_timeouts_around_shields_rest() {
    rests_in_parts(|| late_shields(5));
    rests_in_parts(|| late_shields(40));
    rests(|| late_shields(5));
}

#[test]
fn r05_timeouts_in_sets_in_timeouts_rest() {
    rests_in_parts(|| all((0..4).map(|_| late(late_shields(3)))).boxed_local());
}

#[test]
fn r05_timeouts_in_a_set_in_a_shield_rest() {
    rests_in_parts(|| shield(late_shields(5)).boxed_local());
    rests(|| shield(late_shields(5)).boxed_local());
    rests(|| async { _ = shield_for(ms(50), late_shields(3)).await }.boxed_local());
}
