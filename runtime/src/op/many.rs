//! `Many`: an operation that the kernel answers many times, until it ends.
//!
//! ```text
//!          1 submit: the scope is not cancelled
//!   Idle ───────────────────────────────────────▶ InFlight ── 2 poll_next: an answer, ──┐
//!    ▲                                             │ │  ▲         more follow           │
//!    │                                             │ │  └──────────────────────────────┘
//!    └─────────── 3 poll_next: the last ───────────┘ │
//!                                                    │ 4 abandon, drop
//!                                                    ▼
//!                 with its heir (`Abandonee`) ── 5 dispose_one, 6 dispose: the last ──▶ (gone)
//! ```
//!
//! The next poll after its last answer begins the operation anew. The kernel ends it with an error,
//! when the completion queue is full, and when it is asked to: because a scope is cancelled or
//! closes, or because too many answers wait. In code that is not cancelled such an end is no
//! answer.

use super::future::{Begin, OpHandle, begin, deliver_cancel};
use super::lent::Lent;
use super::{Answer, Multishot};
use crate::driver::{self, Abandoned, OpInfo, Orphan};
use crate::instrument;
use crate::ring::Completion;
use crate::scope;
use crate::wake::{budget, stay};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, ready};

/// One operation, and its answers one by one.
#[derive(Debug)]
pub(crate) struct Many<T: Multishot> {
    /// `None` once it was given up.
    operation: Option<Lent<T>>,
    flight: Option<OpHandle>,
}

impl<T: Multishot> Many<T> {
    pub(crate) fn new(operation: T) -> Self {
        Self { operation: Some(Lent::new(operation)), flight: None }
    }

    /// Where the operation is in flight.
    pub(crate) fn flight(&self) -> Option<&OpHandle> {
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
            let landed = ready!(flight.poll(cx));
            if !landed.completion.more() {
                self.flight = None;
            }
            if landed.cancelled.is_some() {
                if !scope::is_here_cancelled() {
                    // The answer may have taken a buffer all the same.
                    drop(self.answer(Answer::new(landed.completion, landed.cancelled)));
                    continue;
                }
                deliver_cancel(landed.scope);
            }
            return Poll::Ready(self.answer(Answer::new(landed.completion, landed.cancelled)));
        }
    }

    fn answer(&self, answer: Answer) -> T::Item {
        self.operation.as_ref().expect("it was not given up").get().answer(answer)
    }

    fn submit(&mut self, cx: &Context<'_>) -> Poll<T::Item> {
        let operation = self.operation.as_mut().expect("it was not given up").get_mut();
        let info = OpInfo::new(const { &T::NAME }, Some(operation.target()));
        let request = operation.request();
        let many = operation.many();
        // SAFETY: the operation keeps what the request points to valid while it is not dropped
        // (`Multishot`), and it is not before the last answer was taken: `abandon` hands it over.
        let begun = unsafe { begin(Some(request), info, cx) };
        match begun {
            Begin::InFlight(flight) => {
                flight.driver.borrow_mut().expect_many(flight.key, many);
                self.flight = Some(flight);
                Poll::Pending
            }
            // The operation is not submitted.
            Begin::DropPoint => stay(cx),
            Begin::Full(error) => {
                ready!(budget::proceed(cx));
                Poll::Ready(self.answer(Answer::unheard(error)))
            }
        }
    }

    /// Gives the operation up: each answer that was not taken goes to `heir`, in order, now and
    /// until the kernel is done. The heir tells whether it keeps something.
    #[cold]
    pub(crate) fn abandon(&mut self, heir: impl FnMut(T::Item) -> bool + 'static) {
        let Some(operation) = self.operation.take() else { return };
        let Some(flight) = self.flight.take() else { return };
        let mut rest =
            HandOver { flight, abandonee: Some(Box::new(Abandonee { operation, heir })) };
        while rest.give_unread() {}
    }
}

/// An operation in flight that is given up: the driver gets it, also if the heir panics at one of
/// the answers that were not taken.
struct HandOver<T: Multishot, H: FnMut(T::Item) -> bool + 'static> {
    flight: OpHandle,
    abandonee: Option<Box<Abandonee<T, H>>>,
}

impl<T: Multishot, H: FnMut(T::Item) -> bool + 'static> HandOver<T, H> {
    /// Gives the heir the next of the answers that were not taken. Tells if there was one.
    fn give_unread(&mut self) -> bool {
        let unread = self.flight.driver.borrow_mut().take_unread(self.flight.key);
        let Some((unread, abandonee)) = unread.zip(self.abandonee.as_mut()) else { return false };
        let success = unread.is_success();
        let dispose = || abandonee.dispose_one(unread);
        let kept = driver::dispose(&self.flight.driver, success, dispose);
        abandonee.tell(kept, unread);
        true
    }
}

impl<T: Multishot, H: FnMut(T::Item) -> bool + 'static> Drop for HandOver<T, H> {
    fn drop(&mut self) {
        // Answers are left if the heir has panicked. The panic hook has told of its later panics.
        while catch_unwind(AssertUnwindSafe(|| self.give_unread())).unwrap_or(true) {}
        let OpHandle { driver, key } = &self.flight;
        let mut take = || self.abandonee.take().expect("it is handed over, or stays");
        let (abandoned, held) = driver.borrow_mut().abandon(*key, || take());
        held.into_iter().for_each(scope::look_again);
        match abandoned {
            Abandoned::HandedOver(waiter) | Abandoned::Withdrawn(waiter) => drop(waiter),
            Abandoned::Finished(completion) => {
                let mut abandonee = take();
                let success = completion.is_success();
                let dispose =
                    || driver::dispose(driver, success, || abandonee.dispose_one(completion));
                let kept = catch_unwind(AssertUnwindSafe(dispose)).unwrap_or(false);
                abandonee.tell(kept, completion);
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

/// An operation whose owner is gone, and the heir that gets its answers.
struct Abandonee<T, H> {
    operation: Lent<T>,
    heir: H,
}

impl<T: Multishot, H> Abandonee<T, H> {
    /// Tells the instrument of an answer that the heir was given, unless that has kept it.
    fn tell(&self, kept: bool, completion: Completion) {
        if !kept && instrument::is_on() {
            let info = OpInfo::new(const { &T::NAME }, Some(self.operation.get().target()));
            info.tell_discarded(scope::current(), completion);
        }
    }
}

impl<T: Multishot, H: FnMut(T::Item) -> bool + 'static> Orphan for Abandonee<T, H> {
    fn dispose_one(&mut self, completion: Completion) -> bool {
        (self.heir)(self.operation.get().answer(Answer::of_abandoned(completion)))
    }

    fn dispose(mut self: Box<Self>, completion: Completion) -> bool {
        self.dispose_one(completion)
    }
}
