//! `Op`: the future of one operation.
//!
//! The operation stays in its future while that lives, so nothing is allocated on the way; a future
//! that is dropped in flight hands the operation to the driver, which keeps it until the kernel is
//! done.
//!
//! ```text
//!            1                  2
//!   Idle ────────▶ InFlight ────────▶ Done ───▶ (gone)
//!     │ 3             │ 4
//!     ▼               ├──▶ withdrawn ─────────▶ (gone)
//!   (gone)            ├──▶ finished ── 5 ─────▶ (gone)
//!                     └──▶ handed over ── 6 ──▶ (gone)
//! ```
//!
//! | arrow | taken by | when |
//! |---|---|---|
//! | 1 | `Op::submit` | the first poll, in a scope that is not cancelled |
//! | 2 | `Op::poll`, `land` | the kernel has answered; from Idle: there is no room (`submit`) |
//! | 3 | its drop, `Op::abandon` | the future goes before that poll, or its owner names an heir |
//! | 4 | `Op::abandon` | the same in flight: the driver says how far the kernel is |
//! | 5 | `Abandonee::inherit` | the answer was there: it goes to the heir at once |
//! | 6 | `Orphan::dispose` | the kernel has answered the driver |
//!
//! The owner of an `Op` may name an heir before it is dropped, which gets what the kernel makes of
//! the operation all the same.

use super::lent::Lent;
use super::{Answer, Continue, Operation};
use crate::driver::{self, Abandoned, DriverRef, Landed, OpInfo, Orphan, Refused};
use crate::instrument;
use crate::key::Key;
use crate::ring::{Completion, Request};
use crate::scope::{self, Begun, Cancelled};
use crate::tree::NodeId;
use crate::wake::{Waiter, budget, stay};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The cancellation of an operation of that scope is handed to the code that runs now. Operations
/// that were in flight when the cancel came answer in any case, also when the code has heard of it.
pub(crate) fn deliver_cancel(scope: Option<NodeId>) {
    _ = scope::may_hear(Begun::Before);
    // In the scope that was cancelled, if it is around this code: not in a shield in between.
    let told = scope.filter(|scope| scope::is_around(*scope));
    told.or_else(scope::current).into_iter().for_each(scope::mark_delivered);
}

/// How the first poll of an operation goes.
pub(super) enum Begin {
    InFlight(OpHandle),
    /// The code that runs is cancelled.
    DropPoint,
    /// As many operations are in flight as may be.
    Full(io::Error),
}

/// Begins an operation for the code that runs.
///
/// # Safety
///
/// As with [`Driver::submit`](driver::Driver::submit).
#[inline]
pub(super) unsafe fn begin(request: Option<Request>, info: OpInfo, cx: &Context<'_>) -> Begin {
    let driver = driver::expect_current("an operation");
    let scope = scope::current().expect("code of a runtime runs in a scope");
    // Before the borrow, and dropped after it: foreign wakers run foreign code in both.
    let waiter = Waiter::of(cx);
    // SAFETY: the caller's promise.
    let begun = unsafe { driver.borrow_mut().submit(request, info, scope, waiter) };
    match begun {
        Ok(key) => Begin::InFlight(OpHandle { driver, key }),
        Err(Refused::Full(error, _)) if !scope::is_in_cancelled(scope) => Begin::Full(error),
        Err(Refused::Full(..) | Refused::Cancelled(_)) => Begin::DropPoint,
    }
}

/// One operation on its way through the kernel.
#[derive(Debug)]
pub(crate) struct Op<T: Operation> {
    /// `None` once it has resolved or was handed over.
    operation: Option<Lent<T>>,
    flight: Option<OpHandle>,
}

/// Where an operation in flight is found.
#[derive(Debug, Clone)]
pub(crate) struct OpHandle {
    pub(super) driver: DriverRef,
    pub(super) key: Key,
}

impl OpHandle {
    /// Takes the answer, or waits for it.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Landed> {
        // Made before the borrow, and dropped after it: foreign wakers run foreign code in both.
        let mut waiter = Waiter::of(cx);
        let landed = self.driver.borrow_mut().poll_answer(self.key, &mut waiter);
        landed.map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes the waiter of the operation, to be woken to look at something else. The operation is
    /// in flight as before.
    pub(crate) fn nudge(&self) -> Waiter {
        self.driver.borrow_mut().nudge(self.key)
    }

    /// Has the kernel end the operation, which then resolves to a cancellation, unless a result
    /// comes first. Tells if the kernel is asked: an operation that it has not seen needs no end.
    pub(crate) fn interrupt(&self) -> bool {
        self.driver.borrow_mut().interrupt(self.key)
    }
}

// Nothing in here is pinned: the contract of `Operation` lets it be moved while it is in flight.
impl<T: Operation> Unpin for Op<T> {}

impl<T: Operation> Op<T> {
    pub(crate) fn new(operation: T) -> Self {
        Self { operation: Some(Lent::new(operation)), flight: None }
    }

    #[inline(always)]
    fn resolve(&mut self, answer: Answer) -> Poll<T::Output> {
        let operation = self.operation.take().expect("resolved once");
        Poll::Ready(operation.back().complete(answer))
    }

    #[inline]
    fn submit(&mut self, cx: &Context<'_>) -> Poll<T::Output> {
        let operation = self.operation.as_mut().expect("an operation is not polled after its end");
        let operation = operation.get_mut();
        // Before anything is counted: a buffer's code may panic.
        let info = OpInfo::new(const { &T::NAME }, operation.target());
        let request = operation.request();
        // SAFETY: the operation keeps what the request points to valid while it is not dropped
        // (`Operation`), and it is not before the answer was taken: `abandon` hands it over.
        let begun = unsafe { begin(request, info, cx) };
        match begun {
            Begin::InFlight(flight) => {
                if T::IS_NOTICED {
                    flight.driver.borrow_mut().expect_notice(flight.key);
                }
                self.flight = Some(flight);
                Poll::Pending
            }
            // The operation is not submitted.
            Begin::DropPoint => stay(cx),
            Begin::Full(error) => {
                ready!(budget::proceed(cx));
                self.resolve(Answer::unheard(error))
            }
        }
    }

    #[inline]
    fn land(&mut self, landed: Landed) -> Poll<T::Output> {
        let flight = self.flight.take();
        if landed.cancelled.is_some() {
            deliver_cancel(landed.scope);
        }
        let answer = Answer::new(landed.completion, landed.cancelled);
        match flight.filter(|_| T::IS_NOTICED && landed.completion.more()) {
            None => self.resolve(answer),
            Some(flight) => {
                let operation = self.operation.take().expect("resolved once");
                Poll::Ready(T::complete_first(operation, answer, flight))
            }
        }
    }

    /// Whether the operation has come to its end, or was given up.
    #[inline]
    pub(crate) fn has_resolved(&self) -> bool {
        self.operation.is_none()
    }

    /// Which bytes of its buffer were transferred before; none once it has resolved.
    #[inline]
    pub(crate) fn skip(&self) -> usize
    where
        T: Continue,
    {
        self.operation.as_ref().map_or(0, |operation| operation.get().skip())
    }

    /// Where the operation is in flight.
    #[inline]
    pub(crate) fn flight(&self) -> Option<&OpHandle> {
        self.flight.as_ref()
    }

    /// Gives the operation up, to end under the code that runs now; see [`Driver::end_here`]. Its
    /// output is dropped.
    ///
    /// [`Driver::end_here`]: driver::Driver::end_here
    pub(crate) fn end_here(&mut self) {
        let Some(OpHandle { driver, key }) = self.flight.clone() else { return };
        self.abandon(|output| {
            drop(output);
            false
        });
        driver.borrow_mut().end_here(key);
    }

    /// Gives the operation up: its output goes to `heir`, now or when the kernel is done. For an
    /// operation that was cut short, the output is a cancellation. The heir tells whether it keeps
    /// something.
    #[cold]
    pub(crate) fn abandon(&mut self, heir: impl FnOnce(T::Output) -> bool + 'static) {
        let Some(operation) = self.operation.take() else { return };
        let unheard = || Answer::unheard(Cancelled::new().into());
        let Some(OpHandle { driver, key }) = self.flight.take() else {
            heir(operation.back().complete(unheard()));
            return;
        };
        let mut abandonee = Some(Abandonee { operation, heir });
        let mut take = || abandonee.take().expect("it is handed over, or stays");
        let (abandoned, held) = driver.borrow_mut().abandon(key, || Box::new(take()));
        held.into_iter().for_each(scope::look_again);
        match abandoned {
            Abandoned::HandedOver(waiter) => drop(waiter),
            Abandoned::Withdrawn(waiter) => {
                let Abandonee { operation, heir } = take();
                heir(operation.back().complete(unheard()));
                drop(waiter);
            }
            Abandoned::Finished(completion) => {
                let abandonee = take();
                let info = OpInfo::new(const { &T::NAME }, abandonee.operation.get().target());
                let inherit = || abandonee.inherit(completion, &driver);
                if !driver::dispose(&driver, T::ACTS && completion.is_success(), inherit)
                    && instrument::is_on()
                {
                    info.tell_discarded(scope::current(), completion);
                }
            }
        }
    }
}

impl<T: Operation> Future for Op<T> {
    type Output = T::Output;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let Some(flight) = &self.flight else { return self.submit(cx) };
        let success = match T::IS_NOTICED {
            false => flight.driver.borrow_mut().take_success(flight.key),
            true => None,
        };
        if let Some(completion) = success {
            self.flight = None;
            return self.resolve(Answer::of_success(completion));
        }
        match flight.poll(cx) {
            Poll::Ready(landed) => self.land(landed),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: Operation> Drop for Op<T> {
    fn drop(&mut self) {
        if self.flight.is_some() {
            self.abandon(|output| {
                drop(output);
                false
            });
        }
    }
}

/// An operation whose future is gone, and the heir that gets its output.
struct Abandonee<T, H> {
    operation: Lent<T>,
    heir: H,
}

impl<T: Operation, H: FnOnce(T::Output) -> bool + 'static> Abandonee<T, H> {
    fn inherit(self, completion: Completion, driver: &DriverRef) -> bool {
        let answer = Answer::of_abandoned(completion);
        let output = match T::IS_NOTICED && completion.more() {
            false => self.operation.back().complete(answer),
            true => {
                let key = Key::from_user_data(completion.user_data);
                let flight = OpHandle { driver: Rc::clone(driver), key };
                T::complete_first(self.operation, answer, flight)
            }
        };
        (self.heir)(output)
    }
}

impl<T: Operation, H: FnOnce(T::Output) -> bool + 'static> Orphan for Abandonee<T, H> {
    fn acts(&self) -> bool {
        T::ACTS
    }

    fn dispose(self: Box<Self>, completion: Completion) -> bool {
        self.inherit(completion, &driver::expect_current("to dispose of an operation"))
    }
}
