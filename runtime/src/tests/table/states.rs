//! Every state of a submission meets every event.

use super::lifecycle::{Abandoned, Holder, Landing, Lifecycle, Phase};
use super::{Kept, completion};
use crate::wake::Waiter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Wake, Waker};

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    QueuedByFuture,
    QueuedByDriver,
    SubmittedByFuture,
    SubmittedByDriver,
    OffloadedByFuture,
    OffloadedByDriver,
    Completed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Flush,
    More,
    Complete,
    Abandon,
}

/// What came of it: the state afterwards, and what was handed out.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    /// The table may not ask for it.
    Illegal,
    Becomes(State),
    /// The waiter comes out, and with it the first answer.
    Wakes(State),
    Disposes(State),
    /// The waiter comes out, and the operation goes on.
    WakesForOne(State),
    DisposesOfOne(State),
    Stale(State),
    /// The future keeps its operation: the kernel never saw it.
    Withdrawn,
    Finished(State),
    HandsOver(State),
}

const STATES: [State; 7] = [
    State::QueuedByFuture,
    State::QueuedByDriver,
    State::SubmittedByFuture,
    State::SubmittedByDriver,
    State::OffloadedByFuture,
    State::OffloadedByDriver,
    State::Completed,
];

/// The table of `Lifecycle`, as its drawing has it.
fn expected(state: State, event: Event) -> Outcome {
    use {Event as E, Outcome as O, State as S};
    match (state, event) {
        (S::QueuedByFuture, E::Flush) => O::Becomes(S::SubmittedByFuture),
        (S::QueuedByDriver, E::Flush) => O::Becomes(S::SubmittedByDriver),
        (_, E::Flush) => O::Illegal,
        (S::QueuedByFuture | S::SubmittedByFuture | S::OffloadedByFuture, E::More) => {
            O::WakesForOne(state)
        }
        (S::QueuedByDriver | S::SubmittedByDriver | S::OffloadedByDriver, E::More) => {
            O::DisposesOfOne(state)
        }
        (S::QueuedByFuture | S::SubmittedByFuture | S::OffloadedByFuture, E::Complete) => {
            O::Wakes(S::Completed)
        }
        (S::QueuedByDriver | S::SubmittedByDriver | S::OffloadedByDriver, E::Complete) => {
            O::Disposes(S::Completed)
        }
        (S::Completed, E::Complete | E::More) => O::Stale(S::Completed),
        (S::QueuedByFuture, E::Abandon) => O::Withdrawn,
        (S::SubmittedByFuture, E::Abandon) => O::HandsOver(S::SubmittedByDriver),
        (S::OffloadedByFuture, E::Abandon) => O::HandsOver(S::OffloadedByDriver),
        (S::QueuedByDriver | S::SubmittedByDriver | S::OffloadedByDriver, E::Abandon) => O::Illegal,
        (S::Completed, E::Abandon) => O::Finished(S::Completed),
    }
}

#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn make(state: State, woken: &Arc<Woken>) -> Lifecycle {
    let future = || Holder::Future(Waiter::Foreign(Waker::from(Arc::clone(woken))));
    let driver = || Holder::Driver(Box::new(Kept::default()));
    match state {
        State::QueuedByFuture => Lifecycle::Pending(Phase::Queued, future()),
        State::QueuedByDriver => Lifecycle::Pending(Phase::Queued, driver()),
        State::SubmittedByFuture => Lifecycle::Pending(Phase::Submitted, future()),
        State::SubmittedByDriver => Lifecycle::Pending(Phase::Submitted, driver()),
        State::OffloadedByFuture => Lifecycle::Pending(Phase::Offloaded, future()),
        State::OffloadedByDriver => Lifecycle::Pending(Phase::Offloaded, driver()),
        State::Completed => Lifecycle::Completed(completion(1)),
    }
}

fn state_of(lifecycle: &Lifecycle) -> State {
    match lifecycle {
        Lifecycle::Pending(Phase::Queued, Holder::Future(_)) => State::QueuedByFuture,
        Lifecycle::Pending(Phase::Queued, Holder::Driver(_)) => State::QueuedByDriver,
        Lifecycle::Pending(Phase::Submitted, Holder::Future(_)) => State::SubmittedByFuture,
        Lifecycle::Pending(Phase::Submitted, Holder::Driver(_)) => State::SubmittedByDriver,
        Lifecycle::Pending(Phase::Offloaded, Holder::Future(_)) => State::OffloadedByFuture,
        Lifecycle::Pending(Phase::Offloaded, Holder::Driver(_)) => State::OffloadedByDriver,
        Lifecycle::Pending(_, Holder::Disposing) => panic!("it was put back"),
        Lifecycle::Completed(_) => State::Completed,
    }
}

/// Wakes the one who waits.
fn wake(waiter: Waiter, woken: &Woken) {
    let before = woken.0.load(Ordering::SeqCst);
    waiter.wake();
    assert_eq!(woken.0.load(Ordering::SeqCst), before + 1, "the one who waits");
}

/// Applies an event, and sees who is told.
fn apply(lifecycle: &mut Lifecycle, event: Event, woken: &Woken) -> Outcome {
    match event {
        Event::Flush => {
            lifecycle.flush();
            Outcome::Becomes(state_of(lifecycle))
        }
        Event::More => match lifecycle.more() {
            Landing::Wake(waiter) => {
                wake(waiter, woken);
                Outcome::WakesForOne(state_of(lifecycle))
            }
            Landing::DisposeOne(mut orphan) => {
                orphan.dispose_one(completion(2));
                lifecycle.put_back(orphan);
                Outcome::DisposesOfOne(state_of(lifecycle))
            }
            Landing::Dispose(_) => panic!("it is not the last"),
            Landing::Stale => Outcome::Stale(state_of(lifecycle)),
        },
        Event::Complete => match lifecycle.complete(completion(2)) {
            Landing::Wake(waiter) => {
                wake(waiter, woken);
                Outcome::Wakes(state_of(lifecycle))
            }
            Landing::Dispose(orphan) => {
                orphan.dispose(completion(2));
                Outcome::Disposes(state_of(lifecycle))
            }
            Landing::DisposeOne(_) => panic!("it is the last"),
            Landing::Stale => Outcome::Stale(state_of(lifecycle)),
        },
        Event::Abandon => match lifecycle.abandon(|| Box::new(Kept::default())) {
            Abandoned::Withdrawn(_) => Outcome::Withdrawn,
            Abandoned::HandedOver(_) => Outcome::HandsOver(state_of(lifecycle)),
            Abandoned::Finished(answer) => {
                assert_eq!(answer.result, 1, "the first answer counts");
                Outcome::Finished(state_of(lifecycle))
            }
        },
    }
}

#[test]
fn lifecycle_has_the_transitions_of_its_drawing_and_no_other() {
    for state in STATES {
        for event in [Event::Flush, Event::More, Event::Complete, Event::Abandon] {
            let woken = Arc::new(Woken::default());
            let mut lifecycle = make(state, &woken);
            assert_eq!(state_of(&lifecycle), state);
            let run = AssertUnwindSafe(|| apply(&mut lifecycle, event, &woken));
            let outcome = catch_unwind(run).unwrap_or(Outcome::Illegal);
            assert_eq!(outcome, expected(state, event), "{state:?} meets {event:?}");
        }
    }
}

/// The second answer to one submission changes nothing of the first.
#[test]
fn c11_first_answer_is_kept() {
    let mut lifecycle = Lifecycle::Completed(completion(1));
    assert!(matches!(lifecycle.complete(completion(2)), Landing::Stale));
    let Lifecycle::Completed(kept) = lifecycle else { panic!("it stays completed") };
    assert_eq!(kept.result, 1);
}
