//! `Ledger`: what went wrong in a nursery, and what its result is to be.

use crate::failures::Failures;
use crate::nursery::Frame;
use nestling_runtime::lowlevel::{
    CancelScope, Cancelled, Failure, Payload, Reason, count_derived, current_reason, may_hear,
    was_delivered,
};
use std::cell::{Cell, OnceCell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

/// How a body ended; see [`Ledger::outcome`].
pub(crate) struct Outcome<T> {
    pub(crate) value: Option<T>,
    pub(crate) panic: Option<Payload>,
    pub(crate) stopped: bool,
}

/// How many children of a nursery could not be sent to their core, without code that has heard of
/// it: shared by the ledger and by the handles of such children.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(Rc<Cell<usize>>);

impl Refusals {
    fn count(&self) -> usize {
        self.0.get()
    }

    /// A handle has given the error to the code that awaits it.
    pub(crate) fn heard(&self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// The books of one nursery.
pub(crate) struct Ledger<E> {
    /// Whether errors after the first are kept, and derived ones.
    all: bool,
    errors: RefCell<Vec<E>>,
    derived: RefCell<Vec<E>>,
    panic: RefCell<Option<Payload>>,
    /// A child was cut, or was delivered a cancellation, whatever the child made of that.
    incomplete: Cell<bool>,
    /// Made with the first child for another core.
    refusals: OnceCell<Refusals>,
}

impl<E> Ledger<E> {
    /// Keeps the first failure.
    pub(crate) fn new() -> Self {
        Self {
            all: false,
            errors: RefCell::new(Vec::new()),
            derived: RefCell::new(Vec::new()),
            panic: RefCell::new(None),
            incomplete: Cell::new(false),
            refusals: OnceCell::new(),
        }
    }

    /// Keeps every failure.
    pub(crate) fn of_all() -> Self {
        Self { all: true, ..Self::new() }
    }

    /// The running child or body has resolved. Gives back its value. An error after a
    /// cancellation that the task was delivered is derived, and not the nursery's; any other error
    /// cancels the rest.
    pub(crate) fn record<T>(&self, scope: &CancelScope, result: Result<T, E>) -> Option<T> {
        let stopped = self.see();
        match result {
            Ok(value) => Some(value),
            Err(error) if stopped => {
                count_derived();
                scope.tell_failure(Failure::Derived);
                self.keep(&self.derived, error, self.all);
                None
            }
            Err(error) => {
                let first = self.errors.borrow().is_empty();
                self.keep(&self.errors, error, first || self.all);
                scope.tell_failure(if first { Failure::First } else { Failure::Later });
                scope.cancel(Reason::Failure);
                None
            }
        }
    }

    /// The running child or body has resolved. Tells if it was delivered a cancellation.
    pub(crate) fn see(&self) -> bool {
        let stopped = was_delivered();
        if stopped {
            self.cut(current_reason().unwrap_or(Reason::Ancestor));
        }
        stopped
    }

    fn keep(&self, errors: &RefCell<Vec<E>>, error: E, keep: bool) {
        // Else the error is dropped here, with nothing borrowed.
        if keep {
            errors.borrow_mut().push(error);
        }
    }

    /// A child, a body or a destructor panicked. The panic hook has reported it, so panics after
    /// the first are not lost silently.
    pub(crate) fn panic(&self, scope: &CancelScope, payload: Payload) {
        let mut first = self.panic.borrow_mut();
        let later = if first.is_none() { first.replace(payload) } else { Some(payload) };
        drop(first);
        scope.cancel(Reason::Failure);
        drop_quietly(later);
    }

    /// A child was cut. One that was cancelled by itself leaves nothing incomplete: by its handle,
    /// or because its starter has given it up, perhaps for a deadline.
    pub(crate) fn cut(&self, reason: Reason) {
        if matches!(reason, Reason::Failure | Reason::Ancestor) {
            self.incomplete.set(true);
        }
    }

    /// What the handles of children for other cores share.
    pub(crate) fn refusals(&self) -> Refusals {
        self.refusals.get_or_init(Refusals::default).clone()
    }

    /// A child could not be sent. Its handle says so, if it is awaited; else the nursery does.
    pub(crate) fn refuse(&self) {
        let Refusals(count) = self.refusals();
        count.set(count.get() + 1);
    }

    fn has_refused(&self) -> bool {
        self.refusals.get().is_some_and(|refusals| refusals.count() > 0)
    }

    /// The result, when all is over: panic, then first real failure, then `Cancelled`, then the
    /// body's value. A value counts only if no task was stopped on the way to it, or if the nursery
    /// itself had asked for that. `None`: the result would be `Cancelled`, and the code that awaits
    /// the nursery has heard of that.
    pub(crate) fn close<T>(&self, frame: &Frame<E>, value: Option<T>) -> Option<Result<T, E>>
    where
        E: From<Cancelled>,
    {
        let scope = frame.scope();
        let value = self.resume_panic(value);
        if let Some(first) = self.errors.take().into_iter().next() {
            return Some(Err(first));
        }
        if let Some(value) = self.complete(scope, value) {
            return Some(Ok(value));
        }
        if self.has_refused() {
            return Some(Err(Cancelled::refused().into()));
        }
        may_hear(frame.begun()).then(|| {
            let own = scope.reason() == Some(Reason::Deadline);
            let around = || scope.cancellation().unwrap_or_default();
            Err(if own { Cancelled::deadline() } else { around() }.into())
        })
    }

    /// What became of a body that is a child of another nursery: its value or panic, and whether
    /// it was stopped on the way.
    pub(crate) fn outcome<T>(&self, value: Option<T>) -> Outcome<T> {
        Outcome {
            value,
            panic: self.panic.take(),
            stopped: self.incomplete.get() || self.has_refused(),
        }
    }

    /// The result, with every failure; `None` as in [`close`](Self::close).
    pub(crate) fn close_all<T>(
        &self,
        frame: &Frame<E>,
        value: Option<T>,
    ) -> Option<Result<T, Failures<E>>> {
        let value = self.resume_panic(value);
        let (errors, derived) = (self.errors.take(), self.derived.take());
        if errors.is_empty()
            && let Some(value) = self.complete(frame.scope(), value)
        {
            return Some(Ok(value));
        }
        let cancelled = errors.is_empty();
        let heard = !cancelled || may_hear(frame.begun());
        heard.then(|| Err(Failures::new(errors, derived, cancelled)))
    }

    fn complete<T>(&self, scope: &CancelScope, value: Option<T>) -> Option<T> {
        let incomplete = self.incomplete.get() || self.has_refused();
        value.filter(|_| !incomplete || scope.reason() == Some(Reason::Asked))
    }

    fn resume_panic<T>(&self, value: T) -> T {
        let Some(payload) = self.panic.take() else { return value };
        drop_quietly(value);
        drop_quietly(self.errors.take());
        drop_quietly(self.derived.take());
        resume_unwind(payload)
    }
}

/// Drops a value that gives way to a panic. A panic of its destructor is a second one, and must not
/// unwind together with the first.
pub(crate) fn drop_quietly<T>(value: T) {
    quietly(|| drop(value));
}

/// Runs `act`, which drops something, and drops the payload if it panics: the panic hook has
/// printed the panic.
pub(crate) fn quietly(act: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(act)) else { return };
    // A payload's destructor may panic, too; the payload of that one is leaked, for there would be
    // no end to it.
    if let Err(last) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(last);
    }
}

impl<E> std::fmt::Debug for Ledger<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("errors", &self.errors.borrow().len())
            .field("derived", &self.derived.borrow().len())
            .field("panicked", &self.panic.borrow().is_some())
            .field("incomplete", &self.incomplete.get())
            .finish()
    }
}
