//! What a hook may do: panic, look, cancel, spawn, drop its guard.

use crate::events::told;
use crate::support::nurseries::{E, within};
use nestling::inspect::{Event, Instrumented, instrument};
use nestling::task::yield_now;
use nestling::{Canceller, block_on, dump_tree, nursery};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// A few polls, or fewer when it is cancelled.
async fn turns() {
    for _ in 0..3 {
        yield_now().await;
    }
}

/// A nursery with children of all sorts of ends, two of which return.
async fn work() -> Result<u32, E> {
    nursery(async |n| {
        n.spawn(pending::<()>());
        let one = n.spawn(async { Ok(1) });
        let two = n.spawn(async {
            turns().await;
            Ok(2)
        });
        let sum = one.await? + two.await?;
        n.cancel();
        Ok(sum)
    })
    .await
}

/// At whichever event it panics, the program goes on, and the hook is not called again.
#[test]
fn a_hook_that_panics_is_not_called_again() {
    within(|| {
        let events = told(async || assert_eq!(work().await, Ok(3))).len();
        assert!(events > 20, "{events}");
        for fatal in 1..=events {
            let calls = Rc::new(Cell::new(0));
            let counted = Rc::clone(&calls);
            let guard = instrument(move |_| {
                counted.set(counted.get() + 1);
                if counted.get() == fatal {
                    crate::support::nurseries::throw(1);
                }
            });
            block_on(async { assert_eq!(work().await, Ok(3)) });
            assert_eq!(calls.get(), fatal);
            drop(guard);
        }
    });
}

/// What it does itself is not told: it would not end.
#[test]
fn a_hook_may_look_and_spawn_a_runtime_of_its_own() {
    within(|| {
        let looked = Rc::new(Cell::new(0));
        let looks = Rc::clone(&looked);
        let guard = instrument(move |_| {
            let tree = dump_tree();
            assert!(!tree.to_string().is_empty());
            looks.set(looks.get() + 1);
            let other = std::thread::spawn(|| block_on(work()));
            assert_eq!(other.join().expect("it does not panic"), Ok(3));
        });
        block_on(async {
            let result: Result<(), E> = nursery(async |n| {
                n.spawn(async {});
                Ok(())
            })
            .await;
            assert_eq!(result, Ok(()));
        });
        drop(guard);
        assert_eq!(looked.get(), 14);
    });
}

/// A cancel from any event: the nursery ends as it does whenever it is cancelled.
#[test]
fn a_hook_may_cancel() {
    within(|| {
        let events = told(async || assert_eq!(work().await, Ok(3))).len();
        for fatal in 1..=events {
            let stop: Rc<RefCell<Option<Canceller>>> = Rc::default();
            let (calls, stops) = (Cell::new(0), Rc::clone(&stop));
            let guard = instrument(move |_| {
                calls.set(calls.get() + 1);
                if calls.get() >= fatal
                    && let Some(stop) = &*stops.borrow()
                {
                    stop.cancel();
                }
            });
            let result: Result<(), E> = block_on(nursery(async |n| {
                *stop.borrow_mut() = Some(n.canceller());
                n.spawn(async { work().await.map(drop) });
                n.spawn(pending::<()>());
                turns().await;
                n.cancel();
                Ok(())
            }));
            assert!(matches!(result, Ok(()) | Err(E::Cancelled)), "{result:?}");
            drop(guard);
        }
    });
}

#[test]
fn what_a_hook_causes_is_not_told() {
    within(|| {
        let stop: Rc<RefCell<Option<Canceller>>> = Rc::default();
        let (told, stops) = (Rc::new(Cell::new(0)), Rc::clone(&stop));
        let counted = Rc::clone(&told);
        let guard = instrument(move |event| match event {
            Event::Spawned { label: Some(_), .. } => {
                stops.borrow().iter().for_each(Canceller::cancel)
            }
            Event::Cancelled { .. } => counted.set(counted.get() + 1),
            _ => {}
        });
        let result: Result<(), E> = block_on(nursery(async |n| {
            *stop.borrow_mut() = Some(n.canceller());
            n.spawn(pending::<()>());
            assert!(n.is_cancelled());
            Ok(())
        }));
        drop(guard);
        assert_eq!((result, told.get()), (Ok(()), 0));
    });
}

#[test]
fn a_hook_may_drop_its_own_guard() {
    within(|| {
        let guard: Rc<RefCell<Option<Instrumented>>> = Rc::default();
        let calls = Rc::new(Cell::new(0));
        let (own, counted) = (Rc::clone(&guard), Rc::clone(&calls));
        *guard.borrow_mut() = Some(instrument(move |_| {
            counted.set(counted.get() + 1);
            if counted.get() == 3 {
                drop(own.borrow_mut().take());
            }
        }));
        block_on(async { assert_eq!(work().await, Ok(3)) });
        assert_eq!(calls.get(), 3);
    });
}

#[test]
fn a_thread_has_one_at_a_time() {
    within(|| {
        let first = instrument(|_| {});
        let second = catch_unwind(|| instrument(|_| {}));
        let message = second.expect_err("there is one already");
        let text = message.downcast_ref::<&str>().expect("a text");
        assert_eq!(*text, "this thread has an instrument already: call both from one");
        drop(first);
        drop(instrument(|_| {}));
    });
}

/// A hook whose destructor panics, as the last that holds it.
#[test]
fn a_hook_that_panics_when_it_goes_harms_nobody() {
    within(|| {
        let throws = crate::support::nurseries::OnDrop(|| crate::support::nurseries::throw(1));
        let guard = instrument(move |_| {
            let _ = &throws;
            crate::support::nurseries::throw(2);
        });
        block_on(async { assert_eq!(work().await, Ok(3)) });
        drop(guard);
        assert!(catch_unwind(AssertUnwindSafe(|| block_on(work()))).is_ok());
    });
}

/// Installed in the middle, it is told of no end of what it was not told the start of.
#[test]
fn polls_that_had_begun_before_are_not_told_to_end() {
    within(|| {
        let events: Rc<RefCell<Vec<Event>>> = Rc::default();
        let into = Rc::clone(&events);
        block_on(async {
            let guard = instrument(move |event| into.borrow_mut().push(*event));
            assert_eq!(work().await, Ok(3));
            drop(guard);
        });
        let mut polled = Vec::new();
        for event in &*events.borrow() {
            match event {
                Event::PollStarted { task } => polled.push(*task),
                Event::PollEnded { task } => assert_eq!(polled.pop(), Some(*task)),
                _ => {}
            }
        }
    });
}
