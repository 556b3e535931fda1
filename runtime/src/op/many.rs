//! `Many`: an operation that the kernel answers many times, until it ends.
//!
//! ```text
//!   Idle ── poll, scope not cancelled ──▶ InFlight ── an answer, more follow ──┐
//!    ▲                                      │  ▲                               │
//!    │                                      │  └───────────────────────────────┘
//!    └────────────── the last ──────────────┘
//! ```
//!
//! It is begun anew by the next poll after its last answer. The kernel ends it with an error, when
//! its completion queue is full, and when it is asked to: because a scope is cancelled or closes,
//! or because too many answers wait. In code that is not cancelled that is no answer.

use super::future::{Flight, mark_delivered};
use super::lent::Lent;
use super::{Answer, Multishot};
use crate::driver::{self, Abandoned, Orphan, What};
use crate::instrument;
use crate::ring::Completion;
use crate::scope::{self, Cancelled};
use crate::wake::{Waiter, budget, stay};
use std::task::{Context, Poll, ready};

/// One operation, and its answers one by one.
#[derive(Debug)]
pub(crate) struct Many<T: Multishot> {
    /// `None` once it was given up.
    operation: Option<Lent<T>>,
    flight: Option<Flight>,
}

impl<T: Multishot> Many<T> {
    pub(crate) fn new(operation: T) -> Self {
        Self { operation: Some(Lent::new(operation)), flight: None }
    }

    /// Where it is in flight.
    pub(crate) fn flight(&self) -> Option<&Flight> {
        self.flight.as_ref()
    }

    /// Whether there is an answer already.
    pub(crate) fn is_answered(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| flight.driver.borrow().is_answered(flight.key))
    }

    /// The next answer.
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<T::Item> {
        loop {
            let Some(flight) = &self.flight else { return self.submit(cx) };
            // Made before the borrow, dropped after it: foreign wakers run foreign code in both.
            let mut waiter = Waiter::of(cx);
            let landed = flight.driver.borrow_mut().poll_op(flight.key, &mut waiter);
            let Some(landed) = landed else { return Poll::Pending };
            if !landed.completion.more() {
                self.flight = None;
            }
            if landed.cancelled {
                if !scope::is_here_cancelled() {
                    continue;
                }
                mark_delivered(landed.scope);
            }
            return Poll::Ready(self.answer(Answer::new(landed.completion, landed.cancelled)));
        }
    }

    fn answer(&self, answer: Answer) -> T::Item {
        self.operation.as_ref().expect("it was not given up").get().answer(answer)
    }

    fn submit(&mut self, cx: &Context<'_>) -> Poll<T::Item> {
        let operation = self.operation.as_mut().expect("it was not given up").get_mut();
        let driver = driver::expect_current("an operation");
        let scope = scope::current().expect("code of a runtime runs in a scope");
        let what = What::new(const { &T::NAME }, operation.descriptor());
        let entry = operation.prepare();
        let waiter = Waiter::of(cx);
        let room = driver.borrow().room();
        if let Err(error) = room
            && !scope::is_in_cancelled(scope)
        {
            ready!(budget::proceed(cx));
            return Poll::Ready(self.answer(Answer::unheard(error)));
        }
        if !scope::admit(scope) {
            // It is not submitted.
            return stay(cx);
        }
        // SAFETY: the operation keeps what the entry points to valid while it is not dropped
        // (`Multishot`), and it is not before the last answer was taken: `abandon` hands it over.
        let key = unsafe { driver.borrow_mut().submit_many(entry, what, scope, waiter) };
        self.flight = Some(Flight { driver, key });
        Poll::Pending
    }

    /// Gives it up: each answer that was not taken goes to `heir`, in order, now and until the
    /// kernel is done. The heir tells whether it keeps something.
    #[cold]
    pub(crate) fn abandon(&mut self, mut heir: impl FnMut(T::Item) -> bool + 'static) {
        let Some(operation) = self.operation.take() else { return };
        let Some(Flight { driver, key }) = self.flight.take() else { return };
        let what = What::new(const { &T::NAME }, operation.get().descriptor());
        let inherit = |operation: &Lent<T>, heir: &mut dyn FnMut(T::Item) -> bool, unread| {
            if inherit_one(operation, heir, unread) {
                driver.borrow_mut().count_resumed();
            } else if instrument::is_on() {
                what.tell_discarded(scope::current(), unread);
            }
        };
        loop {
            let unread = driver.borrow_mut().take_unread(key);
            let Some(unread) = unread else { break };
            inherit(&operation, &mut heir, unread);
        }
        let mut abandonee = Some(Abandonee { operation, heir });
        let mut take = || abandonee.take().expect("it is handed over, or stays");
        let (abandoned, held) = driver.borrow_mut().abandon(key, || Box::new(take()));
        held.into_iter().for_each(scope::look_again);
        match abandoned {
            Abandoned::HandedOver(waiter) => drop(waiter),
            Abandoned::Withdrawn(waiter) => {
                let Abandonee { operation, mut heir } = take();
                let unheard = Answer::unheard(Cancelled::new().into());
                heir(operation.get().answer(unheard));
                drop(waiter);
            }
            Abandoned::Finished(completion) => {
                let Abandonee { operation, mut heir } = take();
                inherit(&operation, &mut heir, completion);
            }
        }
    }
}

impl<T: Multishot> Drop for Many<T> {
    fn drop(&mut self) {
        self.abandon(|item| {
            drop(item);
            false
        });
    }
}

/// What the kernel said goes to an heir, who tells whether that keeps something.
fn inherit_one<T: Multishot>(
    operation: &Lent<T>,
    heir: &mut dyn FnMut(T::Item) -> bool,
    completion: Completion,
) -> bool {
    heir(operation.get().answer(Answer::new(completion, completion.is_interrupted())))
}

/// An operation whose owner is gone, and who gets what comes of it.
struct Abandonee<T, H> {
    operation: Lent<T>,
    heir: H,
}

impl<T: Multishot, H: FnMut(T::Item) -> bool + 'static> Orphan for Abandonee<T, H> {
    fn dispose_one(&mut self, completion: Completion) -> bool {
        inherit_one(&self.operation, &mut self.heir, completion)
    }

    fn dispose(mut self: Box<Self>, completion: Completion) -> bool {
        self.dispose_one(completion)
    }
}
