//! Rule 18: a spent budget is not "pending" in a task's last poll.

use crate::support::nurseries::{Count, E, Log, listener, never, run, settle};
use futures_util::future::{Either, select};
use nestling::task::{consume_budget, poll_proceed};
use nestling::{nursery, timeout};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Far more than the awaits of a turn, or of a last poll.
const MANY: u64 = 5_000;

/// The body hears of a cancellation, and has one poll to join its children.
#[test]
fn r18_children_that_have_ended_are_all_joined_in_a_last_poll() {
    run(async || {
        let listener = listener().await;
        let sum = Count::default();
        let result = nursery(async |n| {
            n.spawn(async {
                settle().await;
                n.cancel();
            });
            let handles: Vec<_> = (0..MANY).map(|_| n.spawn(async { Ok(1) })).collect();
            settle().await;
            assert_eq!(never(&listener).await, Err(E::Cancelled));
            for handle in handles {
                sum.add_if(handle.await? == 1);
            }
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(sum.get(), MANY);
    });
}

/// The same in the poll that cancels.
#[test]
fn r18_children_that_have_ended_are_all_joined_after_a_cancel() {
    run(async || {
        let sum = Count::default();
        let result = nursery(async |n| {
            let handles: Vec<_> = (0..MANY).map(|_| n.spawn(async { Ok(1) })).collect();
            settle().await;
            n.cancel();
            for handle in handles {
                sum.add_if(handle.await? == 1);
            }
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(sum.get(), MANY);
    });
}

/// Joining them beside others does not hold the core: some of it is done in each turn.
#[test]
fn r18_children_that_have_ended_are_joined_over_several_turns() {
    run(async || {
        let (sum, between) = (Count::default(), Count::default());
        let result = nursery(async |n| {
            let handles: Vec<_> = (0..MANY).map(|_| n.spawn(async { Ok(1) })).collect();
            settle().await;
            n.spawn(async {
                while sum.get() < MANY {
                    between.add_if(sum.get() > 0);
                    nestling::task::yield_now().await;
                }
            });
            for handle in handles {
                sum.add_if(handle.await? == 1);
            }
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert!(between.get() > 0);
    });
}

/// What runs beside it in its task has spent all that the turn had.
#[test]
fn r18_what_has_timed_out_may_clean_up_when_the_turn_is_over() {
    run(async || {
        let listener = listener().await;
        let log = Log::default();
        let work = async {
            assert_eq!(never(&listener).await, Err(E::Cancelled));
            consume_budget().await;
            log.say("cleaned up");
        };
        let spend = poll_fn(|cx| {
            while poll_proceed(cx).is_ready() {}
            Poll::<()>::Pending
        });
        let late = pin!(timeout(Duration::from_millis(1), work));
        let Either::Right((late, _)) = select(pin!(spend), late).await else {
            unreachable!("it spends for ever")
        };
        assert_eq!((late, log.take()), (Ok(()), vec!["cleaned up"]));
    });
}
