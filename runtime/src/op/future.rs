//! `Op`: the future of one operation.
//!
//! The operation stays in the future while that lives, so nothing is allocated on the way; a future
//! that is dropped in flight hands it to the driver, which keeps it until the kernel is done.
//!
//! ```text
//!   Idle ── first poll, scope not cancelled ──▶ InFlight ── answer ──▶ Done
//!     │                                           │
//!     └ drop ──▶ (gone)                           └ drop ──▶ withdrawn, discarded, handed over
//! ```

use super::{Answer, Operation};
use crate::driver::{self, Abandoned, DriverRef, Landed, Orphan};
use crate::key::Key;
use crate::ring::Completion;
use crate::scope::{self, Cancelled};
use crate::wake::Waiter;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// One operation on its way through the kernel.
#[derive(Debug)]
pub(crate) struct Op<T: Operation> {
    /// `None` once it has resolved or was handed over.
    operation: Option<T>,
    flight: Option<Flight>,
}

/// Where an operation in flight is found.
#[derive(Debug)]
struct Flight {
    driver: DriverRef,
    key: Key,
}

// Nothing in here is pinned: the contract of `Operation` lets it be moved while it is in flight.
impl<T: Operation> Unpin for Op<T> {}

impl<T: Operation> Op<T> {
    pub(crate) fn new(operation: T) -> Self {
        Self { operation: Some(operation), flight: None }
    }

    fn resolve(&mut self, answer: Answer) -> Poll<T::Output> {
        let operation = self.operation.take().expect("resolved once");
        Poll::Ready(operation.complete(answer))
    }

    fn submit(&mut self, cx: &Context<'_>) -> Poll<T::Output> {
        let operation = self.operation.as_mut().expect("an operation is not polled after its end");
        let driver = driver::expect_current("an operation");
        let scope = scope::current().expect("code of a runtime runs in a scope");
        // Before anything is counted: a buffer's code may panic, and to keep a foreign waker runs
        // foreign code.
        let entry = operation.prepare();
        let waiter = Waiter::of(cx);
        if let Err(error) = driver.borrow().room() {
            let code = -libc::ECANCELED;
            return self.resolve(Answer { result: Err(error), code, sock_nonempty: false });
        }
        if !scope::admit(scope) {
            // A drop point: it is never submitted, and this await does not return.
            return Poll::Pending;
        }
        // SAFETY: the operation keeps what the entry points to valid while it is not dropped
        // (`Operation`), and it is not before the answer was taken: `Drop` hands it over.
        let key = unsafe { driver.borrow_mut().submit(entry, scope, waiter) };
        self.flight = Some(Flight { driver, key });
        Poll::Pending
    }

    fn land(&mut self, landed: &Landed) -> Poll<T::Output> {
        self.flight = None;
        let result = match landed.cancelled {
            true => Err(Cancelled::new().into()),
            false => landed.completion.value(),
        };
        if landed.cancelled {
            // Where it was cancelled, when that is around here: a shield in between is not.
            let told = landed.scope.filter(|scope| scope::is_running(*scope));
            told.or_else(scope::current).into_iter().for_each(scope::mark_delivered);
        }
        let (code, sock_nonempty) = (landed.completion.result, landed.completion.sock_nonempty());
        self.resolve(Answer { result, code, sock_nonempty })
    }
}

impl<T: Operation> Future for Op<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let Some(flight) = &self.flight else { return self.submit(cx) };
        // Made before the borrow, and dropped after it: foreign wakers run foreign code in both.
        let mut waiter = Waiter::of(cx);
        let landed = flight.driver.borrow_mut().poll_op(flight.key, &mut waiter);
        match landed {
            Some(landed) => self.land(&landed),
            None => Poll::Pending,
        }
    }
}

impl<T: Operation> Drop for Op<T> {
    fn drop(&mut self) {
        let Some(flight) = self.flight.take() else { return };
        let mut operation = self.operation.take();
        let (abandoned, held) = flight.driver.borrow_mut().abandon(flight.key, || {
            Box::new(Abandonee(operation.take().expect("in flight until it has resolved")))
        });
        match abandoned {
            // What the kernel never saw goes with this function.
            Abandoned::Withdrawn(waiter) | Abandoned::HandedOver(waiter) => drop(waiter),
            Abandoned::Finished(completion) => {
                operation.expect("it was not handed over").discard(completion);
            }
        }
        held.into_iter().for_each(scope::look_again);
    }
}

/// An operation whose future is gone.
struct Abandonee<T>(T);

impl<T: Operation> Orphan for Abandonee<T> {
    fn dispose(self: Box<Self>, completion: Completion) {
        self.0.discard(completion);
    }
}
