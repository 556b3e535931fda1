//! `Frame`: what a nursery's future holds, and the promise that makes borrowing sound.
//!
//! A child may borrow all that lives around the nursery. It is polled and dropped from two places
//! only: [`Frame::poll`], which the nursery's future calls, and [`Guard`], which that future owns.
//! Both need the future, and its type contains the borrows: while it exists they are alive. When
//! it is dropped, the guard drops the children first; when it is forgotten, nothing polls or drops
//! them ever again.

use crate::child_output::ChildOutput;
use crate::ledger::Ledger;
use nestling_runtime::lowlevel::{Body, CancelScope, Children, Join, Step};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The children of a nursery and its books.
#[derive(Debug)]
pub(crate) struct Frame<E> {
    children: Children,
    ledger: Ledger<E>,
}

/// The body on its way to a value.
pub(crate) struct Running<'f, F, T> {
    pub(crate) future: Pin<&'f mut Option<F>>,
    /// Until the body has ended.
    pub(crate) body: Option<Body>,
    pub(crate) value: Option<T>,
}

/// Drops what children are left when the nursery's future goes.
#[derive(Debug)]
pub(crate) struct Guard<E>(Rc<Frame<E>>);

impl<E> Frame<E> {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self { children: Children::new(), ledger: Ledger::new() })
    }

    /// # Safety
    ///
    /// The guard is dropped, or leaked, before anything ends that children of this frame borrow.
    pub(crate) unsafe fn guard(self: &Rc<Self>) -> Guard<E> {
        Guard(Rc::clone(self))
    }

    pub(crate) fn scope(&self) -> &CancelScope {
        self.children.scope()
    }

    pub(crate) fn ledger(&self) -> &Ledger<E> {
        &self.ledger
    }

    pub(crate) fn len(&self) -> usize {
        self.children.len()
    }

    pub(crate) fn body(&self) -> Body {
        self.children.body()
    }

    /// Adds a child. An error it resolves to is entered into the books, as part of its last poll.
    ///
    /// # Safety
    ///
    /// What `child` borrows outlives the frame's guard and the nursery's future, and so does
    /// `self`.
    pub(crate) unsafe fn spawn<F>(&self, child: F) -> Join<<F::Output as ChildOutput<E>>::Ok>
    where
        F: Future<Output: ChildOutput<E>>,
    {
        let this: *const Self = self;
        let finish = move |output: F::Output| {
            // SAFETY: this runs in a poll of the child, and the frame outlives its children.
            let this = unsafe { &*this };
            this.ledger.enter(this.scope(), output.into_result())
        };
        // SAFETY: children are polled and dropped by the frame and its guard only; the rest is the
        // caller's promise.
        let join = unsafe { self.children.spawn(child, finish) };
        if join.is_finished() {
            // The nursery is cancelled, and the child was dropped unpolled.
            self.ledger.cut();
        }
        join
    }

    /// Polls the body and the children that are ready. Ready when all have ended and nothing is in
    /// flight below.
    ///
    /// # Safety
    ///
    /// The caller is the nursery's own future, which proves that the children's borrows are alive.
    pub(crate) unsafe fn poll<F, T>(
        &self,
        running: &mut Running<'_, F, T>,
        cx: &mut Context<'_>,
    ) -> Poll<()>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut visit = self.children.visit(cx);
        // SAFETY: the caller's promise.
        while let Some(step) = unsafe { visit.next() } {
            match step {
                Step::Body => self.poll_body(running),
                Step::Cut => self.ledger.cut(),
                Step::Panicked(payload) => self.ledger.panic(self.scope(), payload),
            }
        }
        drop(visit);
        let ended = running.body.is_none() && self.children.is_empty();
        if ended && self.scope().is_drained() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn poll_body<F, T>(&self, running: &mut Running<'_, F, T>)
    where
        F: Future<Output = Result<T, E>>,
    {
        let Some(body) = &running.body else { return };
        let cancelled = body.scope().reason().is_some();
        let future = &mut running.future;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            body.poll(|cx| {
                let output = future.as_mut().as_pin_mut().expect("it has not ended").poll(cx);
                output.map(|result| self.ledger.enter(self.scope(), result))
            })
        }));
        match polled {
            Ok(Poll::Ready(value)) => running.value = value,
            // What is cancelled during its poll has been queued for its last one by that.
            Ok(Poll::Pending) if !cancelled || body.scope().is_kept() => return,
            Ok(Poll::Pending) => {}
            Err(payload) => self.ledger.panic(self.scope(), payload),
        }
        // The body's locals go before the children: nothing of theirs can be borrowed there.
        let dropped = catch_unwind(AssertUnwindSafe(|| body.scope().run(|| future.set(None))));
        if let Err(payload) = dropped {
            self.ledger.panic(self.scope(), payload);
        }
        running.body = None;
    }
}

impl<F, T> Drop for Running<'_, F, T> {
    fn drop(&mut self) {
        // The nursery's future goes early: what the body drops belongs to the body's scope.
        if let Some(body) = &self.body {
            body.scope().run(|| self.future.set(None));
        }
    }
}

impl<E> Drop for Guard<E> {
    fn drop(&mut self) {
        // SAFETY: `Frame::guard`: what the children borrow is alive.
        let panic = unsafe { self.0.children.clear() };
        if let Some(payload) = panic
            && !std::thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}
