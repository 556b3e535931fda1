//! Rule 5: a future that a cancelled task polls and sets aside in the same poll keeps nothing. The
//! poll that confirms it is one in which nothing else happens.

use crate::support::nurseries::{Count, E, run, settle};
use crate::support::poll_once;
use futures_util::future::{FutureExt, join, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use nestling::time::sleep;
use nestling::{cancelled, nursery, shield, timeout};
use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Poll, Waker};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(1);

/// Lets one poll pass, as code does that knows nothing of cancels.
async fn foreign_yield() {
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

/// Polls a shield once, after so many polls, and waits for something else.
async fn set_aside_later(polls: u64, mut aside: Pin<&mut impl Future>) {
    for _ in 0..polls {
        shield(foreign_yield()).await;
    }
    assert!(poll_once(aside.as_mut()).await.is_pending());
    pending::<()>().await;
}

#[test]
fn r05_a_shield_that_is_set_aside_some_polls_later() {
    for polls in 0..5 {
        run(async move || {
            let result = nursery(async |n| {
                n.spawn(async {
                    let mut aside = pin!(shield(sleep(LONG)));
                    cancelled().await;
                    set_aside_later(polls, aside.as_mut()).await;
                });
                settle().await;
                n.cancel();
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
        });
    }
}

#[test]
fn r05_a_shield_that_is_set_aside_in_an_expired_timeout() {
    for polls in 0..5 {
        run(async move || {
            let mut aside = pin!(shield(sleep(LONG)));
            let code = async {
                cancelled().await;
                set_aside_later(polls, aside.as_mut()).await;
            };
            assert!(timeout(SOON, code).await.is_err());
        });
    }
}

/// The end of a part lets the code around it go on, in a poll that nothing else has asked for.
#[test]
fn r05_a_shield_that_is_set_aside_when_a_part_is_cut() {
    for polls in 0..5 {
        run(async move || {
            let result = nursery(async |n| {
                n.spawn(async {
                    let mut inner = pin!(shield(sleep(LONG)));
                    let part = timeout(SOON, async {
                        cancelled().await;
                        n.cancel();
                        set_aside_later(polls, inner.as_mut()).await;
                    });
                    let mut outer = pin!(shield(sleep(LONG)));
                    _ = select(outer.as_mut(), pin!(part)).await;
                    pending::<()>().await;
                });
                Ok::<_, E>(())
            });
            assert_eq!(result.await, Ok(()));
        });
    }
}

/// The code beside a part lets that go on, after the look at what keeps the part.
fn message_from_the_same_task(in_a_set: bool, polls: u64) {
    run(async move || {
        let (polled, sent, receiver) = (Count::default(), Cell::new(false), Cell::new(None));
        let part = timeout(SOON, async {
            let shielded = shield(sleep(LONG)).boxed_local();
            let mut aside = match in_a_set {
                false => shielded,
                true => FuturesUnordered::from_iter([shielded]).map(drop).collect().boxed_local(),
            };
            cancelled().await;
            let received = poll_fn(|cx| {
                polled.one();
                receiver.set(Some(cx.waker().clone()));
                if sent.get() { Poll::Ready(()) } else { Poll::Pending }
            });
            _ = select(aside.as_mut(), received).await;
            pending::<()>().await;
        });
        let sends = poll_fn(|_| {
            if polled.get() < polls {
                return Poll::Pending;
            }
            sent.set(true);
            receiver.take().into_iter().for_each(Waker::wake);
            Poll::Ready(())
        });
        assert!(join(part, sends).await.0.is_err());
    });
}

#[test]
fn r05_a_shield_that_is_set_aside_for_a_message_from_the_same_task() {
    (1..3).for_each(|polls| message_from_the_same_task(false, polls));
}

#[test]
fn r05_a_set_that_is_set_aside_for_a_message_from_the_same_task() {
    (1..4).for_each(|polls| message_from_the_same_task(true, polls));
}

/// A child ends in the poll in which the futures of a set show that they are polled; the code
/// around it goes on and sets these aside.
#[test]
fn r05_shields_in_a_set_that_is_set_aside_when_a_child_ends() {
    for polls in 2..4 {
        run(async move || {
            let (polled, child) = (Count::default(), Cell::new(None));
            let shielded = shield(poll_fn(|_| {
                polled.one();
                child.take().into_iter().for_each(Waker::wake);
                Poll::<()>::Pending
            }));
            let inside = nursery(async |n| {
                n.spawn(shield(poll_fn(|cx| {
                    child.set(Some(cx.waker().clone()));
                    if polled.get() < polls { Poll::Pending } else { Poll::Ready(()) }
                })));
                Ok::<_, E>(())
            });
            let inside = async { _ = inside.await };
            let part = timeout(SOON, async {
                let mut set =
                    FuturesUnordered::from_iter([shielded.boxed_local(), inside.boxed_local()]);
                set.next().await;
                pending::<()>().await;
            });
            assert!(part.await.is_err());
        });
    }
}
