//! `for_each_limit`: works on many items, on a few at a time.

use crate::support::nurseries::{
    Count, E, Log, OnDrop, listener, never, run, settle, throw, thrown,
};
use futures_util::FutureExt;
use nestling::{for_each_limit, timeout};
use nestling_runtime::lowlevel::nop;
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn for_each_in_order_and_no_more_than_the_limit() {
    for limit in [0, 1, 3, 100] {
        let (most, begun) = run(async move || {
            let (alive, most, begun) = (Cell::new(0), Cell::new(0), RefCell::new(Vec::new()));
            let work = async |item: u32| {
                begun.borrow_mut().push(item);
                alive.set(alive.get() + 1);
                most.set(most.get().max(alive.get()));
                let _less = OnDrop(|| alive.set(alive.get() - 1));
                for _ in 0..item % 4 {
                    nop().await?;
                }
                Ok::<_, E>(())
            };
            assert_eq!(for_each_limit(limit, 0..50, work).await, Ok(()));
            assert_eq!(alive.get(), 0);
            (most.get(), begun.take())
        });
        assert!(most <= limit.max(1), "{most} of {limit}");
        assert!(limit < 2 || most > 1, "they run at once");
        assert_eq!(begun, (0..50).collect::<Vec<_>>());
    }
}

/// Items are taken when there is room: an endless source is no problem.
#[test]
fn for_each_takes_items_lazily() {
    run(async || {
        let taken = Count::default();
        let items = (0_u32..).inspect(|_| taken.one());
        let result = for_each_limit(2, items, async |item| {
            settle().await;
            if item == 10 { Err(E::Boom(item)) } else { Ok(()) }
        });
        assert_eq!(result.await, Err(E::Boom(10)));
        assert!((11..=13).contains(&taken.get()), "{}", taken.get());
    });
}

#[test]
fn for_each_stops_at_the_first_failure() {
    run(async || {
        let (quiet, heard, begun) = (listener().await, Count::default(), Count::default());
        let result = for_each_limit(3, 0..100, async |item| {
            begun.one();
            if item == 2 {
                settle().await;
                return Err(E::Boom(2));
            }
            let answer = never(&quiet).await;
            heard.add_if(answer == Err(E::Cancelled));
            answer
        });
        assert_eq!(result.await, Err(E::Boom(2)));
        assert_eq!((begun.get(), heard.get()), (3, 2));
    });
}

#[test]
fn for_each_panics_with_a_call_or_with_the_source() {
    run(async || {
        let work = for_each_limit(2, 0..10, async |item| {
            nop().await?;
            if item == 3 {
                throw(item)
            }
            Ok::<_, E>(())
        });
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!(thrown(&*payload), 3);
        let source = (0..10).inspect(|item| {
            if *item == 4 {
                throw(*item)
            }
        });
        let log = Log::default();
        let work = for_each_limit(100, source, async |_| {
            let _gone = log.at_drop("gone");
            pending::<Result<(), E>>().await
        });
        let payload = AssertUnwindSafe(work).catch_unwind().await.expect_err("it panics");
        assert_eq!(thrown(&*payload), 4);
        assert!(log.take().len() <= 4);
    });
}

#[test]
fn for_each_that_is_cancelled() {
    run(async || {
        let (quiet, heard) = (listener().await, Count::default());
        let work = for_each_limit(4, 0.., async |_| {
            let answer = never(&quiet).await;
            heard.add_if(answer == Err(E::Cancelled));
            answer
        });
        assert_eq!(timeout(MS, work).await, Ok(Err(E::Cancelled)));
        assert_eq!(heard.get(), 4);
        // While it waits for room only, with calls that hear nothing.
        let work = for_each_limit(1, 0..2, async |_| pending::<Result<(), E>>().await);
        assert_eq!(timeout(MS, work).await, Ok(Err(E::Cancelled)));
    });
}

#[test]
fn for_each_borrows_its_items_and_what_it_counts() {
    run(async || {
        let words = ["one".to_owned(), "two".to_owned(), "three".to_owned()];
        let total = Cell::new(0);
        let result = for_each_limit(8, &words, async |word: &String| {
            total.set(total.get() + word.len());
            Ok::<_, E>(())
        });
        assert_eq!(result.await, Ok(()));
        assert_eq!(total.get(), 11);
        let nothing: [u8; 0] = [];
        assert_eq!(for_each_limit(1, nothing, async |_| Ok::<_, E>(())).await, Ok(()));
    });
}
