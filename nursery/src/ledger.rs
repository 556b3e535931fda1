//! `Ledger`: what went wrong in a nursery, and what its result is to be.

use nestling_runtime::lowlevel::{
    CancelScope, Cancelled, Payload, Reason, mark_delivered, was_delivered,
};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A reason for a nursery to fail.
enum Failure<E> {
    Error(E),
    Panic(Payload),
}

/// The books of one nursery.
pub(crate) struct Ledger<E> {
    first: RefCell<Option<Failure<E>>>,
    /// A child was cut, or was delivered a cancellation, whatever it made of that.
    incomplete: Cell<bool>,
}

impl<E> Ledger<E> {
    pub(crate) fn new() -> Self {
        Self { first: RefCell::new(None), incomplete: Cell::new(false) }
    }

    /// The running child or body has resolved. Gives back its value. Derived errors, which come of
    /// a cancellation that it was delivered, are not the nursery's; any other cancels the rest.
    pub(crate) fn enter<T>(&self, scope: &CancelScope, result: Result<T, E>) -> Option<T> {
        let stopped = scope.reason().is_some() && was_delivered();
        if stopped {
            self.incomplete.set(true);
        }
        match result {
            Ok(value) => Some(value),
            Err(error) if !stopped => {
                self.error(scope, error);
                None
            }
            Err(_) => None,
        }
    }

    fn error(&self, scope: &CancelScope, error: E) {
        let mut first = self.first.borrow_mut();
        if first.is_none() {
            *first = Some(Failure::Error(error));
        }
        drop(first);
        scope.cancel(Reason::Failure);
    }

    /// A child, a body or a destructor panicked. Takes the place of an error; the panic hook has
    /// reported it, so those after the first are not lost silently.
    pub(crate) fn panic(&self, scope: &CancelScope, payload: Payload) {
        let mut first = self.first.borrow_mut();
        let replaced = match &*first {
            None | Some(Failure::Error(_)) => first.replace(Failure::Panic(payload)),
            Some(Failure::Panic(_)) => None,
        };
        drop(first);
        scope.cancel(Reason::Failure);
        drop_quietly(replaced);
    }

    /// A child was cut.
    pub(crate) fn cut(&self) {
        self.incomplete.set(true);
    }

    /// The result, when all is over: panic, then first real failure, then `Cancelled`, then the
    /// body's value. A value counts only if nobody was stopped on the way to it, or if the nursery
    /// itself had asked for that.
    pub(crate) fn close<T>(&self, scope: &CancelScope, value: Option<T>) -> Result<T, E>
    where
        E: From<Cancelled>,
    {
        let first = self.first.borrow_mut().take();
        match first {
            Some(Failure::Panic(payload)) => {
                drop_quietly(value);
                resume_unwind(payload)
            }
            Some(Failure::Error(error)) => return Err(error),
            None => {}
        }
        match value {
            Some(value) if !self.incomplete.get() || scope.reason() == Some(Reason::Asked) => {
                Ok(value)
            }
            _ => {
                mark_delivered();
                Err(Cancelled::new().into())
            }
        }
    }
}

/// Drops what gives way to a panic. A panic of its destructor is not the first one, and must not
/// meet that while it unwinds.
fn drop_quietly<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}

impl<E> std::fmt::Debug for Ledger<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = match &*self.first.borrow() {
            None => "nothing",
            Some(Failure::Error(_)) => "an error",
            Some(Failure::Panic(_)) => "a panic",
        };
        f.debug_struct("Ledger")
            .field("first", &first)
            .field("incomplete", &self.incomplete.get())
            .finish()
    }
}
