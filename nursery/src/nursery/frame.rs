//! `Frame`: what a nursery's future holds, and the promise that makes borrowing sound.
//!
//! A child may borrow all that lives around the nursery. Children are polled and dropped from two
//! places only: [`Frame::poll`], which the nursery's future calls, and [`Guard`], which that future
//! owns. Both need the future, whose type contains the borrows: while the future exists, all that
//! is borrowed is alive. When the future is dropped, the guard drops the children first; when the
//! future is forgotten, nothing polls or drops the children ever again.

use crate::canceller::Enlisted;
use crate::child_output::ChildOutput;
use crate::daemons::Daemons;
use crate::ledger::Ledger;
use crate::options::Options;
use nestling_runtime::lowlevel::{
    Begun, Body, CancelScope, Children, Door, Doorway, Ending, Instant, Join, Label, Reason,
    RemoteCancelHandle, Semaphore, Sleep, Step, sleep_until,
};
use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

/// The children of a nursery, its books, and its limits.
#[derive(Debug)]
pub(crate) struct Frame<E> {
    children: Children,
    ledger: Ledger<E>,
    daemons: Daemons,
    /// How many children there may be, and the tasks that wait for room.
    slots: Rc<Semaphore>,
    deadline: RefCell<Option<Sleep>>,
    begun: Begun,
    /// The nursery's places in the lists of cancellers that are older.
    enlisted: RefCell<Vec<Enlisted>>,
    /// The way in for children from outside, once it was asked for.
    doorway: RefCell<Option<Doorway>>,
}

/// The body on its way to a value.
pub(crate) struct Running<'f, F, T> {
    pub(crate) future: Pin<&'f mut Option<F>>,
    /// The scope and the waker of the body, until the body has ended.
    pub(crate) body: Option<Body>,
    pub(crate) value: Option<T>,
}

/// Drops the children that are left when the nursery's future is dropped.
#[derive(Debug)]
pub(crate) struct Guard<E>(Rc<Frame<E>>);

impl<E> Frame<E> {
    pub(crate) fn new(options: &Options, label: Label, ledger: Ledger<E>) -> Rc<Self> {
        Rc::new(Self {
            begun: Begun::now(),
            children: Children::new(label),
            ledger,
            daemons: Daemons::default(),
            slots: Rc::new(Semaphore::new(options.slot_count())),
            deadline: RefCell::new(options.deadline.map(sleep_until)),
            enlisted: RefCell::default(),
            doorway: RefCell::default(),
        })
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

    /// Whether the nursery was opened before the code around it was cancelled.
    pub(crate) fn begun(&self) -> Begun {
        self.begun
    }

    pub(crate) fn remote(&self) -> RemoteCancelHandle {
        self.children.remote()
    }

    /// Stays in the list of a canceller, until the nursery has closed.
    pub(crate) fn stay_enlisted(&self, place: Enlisted) {
        self.enlisted.borrow_mut().push(place);
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

    pub(crate) fn daemons(&self) -> &Daemons {
        &self.daemons
    }

    pub(crate) fn slots(&self) -> &Rc<Semaphore> {
        &self.slots
    }

    /// Has the nursery be cancelled at that moment. In force when its running poll ends.
    pub(crate) fn set_deadline(&self, at: Option<Instant>) {
        self.deadline.replace(at.map(sleep_until));
    }

    /// Adds a child. As part of its last poll, `finish` enters the child's output into the books
    /// and makes the child's value of it.
    ///
    /// # Safety
    ///
    /// What `child`, `finish` and the value borrow outlives the frame's guard and the nursery's
    /// future, and so does `self`.
    pub(crate) unsafe fn spawn<F, M, T>(&self, child: F, finish: M, label: Label) -> Join<T>
    where
        F: Future,
        M: FnOnce(&Self, F::Output) -> Option<T>,
    {
        let finish = |this: *const (), output: F::Output| {
            // SAFETY: this runs in a poll of the child, and only `poll` polls children of this
            // frame: it hands itself over.
            let this = unsafe { &*this.cast::<Self>() };
            finish(this, output)
        };
        // SAFETY: children are polled and dropped by the frame and its guard only; the rest is the
        // caller's promise.
        let join = unsafe { self.children.spawn(child, finish, label) };
        if join.is_finished() {
            // The nursery is cancelled, and the child was dropped unpolled.
            self.ledger.cut(Reason::Ancestor);
        }
        join
    }

    /// The way in for children from outside.
    pub(crate) fn door(this: &Rc<Self>) -> Door
    where
        E: 'static,
    {
        let open = || {
            let weak: Weak<dyn Any> = Rc::downgrade(&(Rc::clone(this) as Rc<dyn Any>));
            Doorway::new(this.scope(), weak)
        };
        this.doorway.borrow_mut().get_or_insert_with(open).door()
    }

    /// Adds a child from outside, which has come by the door.
    pub(crate) fn adopt<F>(&self, child: F, label: Label)
    where
        F: Future<Output: ChildOutput<E>> + 'static,
        E: 'static,
    {
        let finish = |frame: &Self, output: F::Output| {
            frame.ledger().record(frame.scope(), output.into_result())
        };
        // SAFETY: all of it borrows nothing. Children are polled by the nursery's future alone,
        // which has a share in the frame.
        drop(unsafe { self.spawn(child, finish, label) });
    }

    /// Polls the body and the children that are ready. Ready when all have ended and nothing is in
    /// flight below the nursery.
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
        let mut act = |step| match step {
            Step::Body => self.poll_body(running),
            Step::Cut(reason) => self.ledger.cut(reason),
            Step::Panicked(payload) => self.ledger.panic(self.scope(), payload),
        };
        // SAFETY: the caller's promise; all children are from `spawn`, whose `finish` takes this.
        unsafe { self.children.poll(cx, ptr::from_ref(self).cast(), &mut act) };
        if running.body.is_none() {
            if self.children.is_empty() && self.scope().is_drained() {
                return Poll::Ready(());
            }
            self.daemons.retire(self.children.len());
        }
        if self.deadline.borrow().is_some() && self.is_late(cx) {
            self.scope().cancel(Reason::Deadline);
        }
        Poll::Pending
    }

    /// Whether the deadline has passed, told once. The caller has polled ready tasks before, so
    /// that a success until then counts.
    fn is_late(&self, cx: &mut Context<'_>) -> bool {
        let mut deadline = self.deadline.borrow_mut();
        let Some(sleep) = &mut *deadline else { return false };
        let late = Pin::new(sleep).poll(cx).is_ready();
        if late {
            *deadline = None;
        }
        late
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
                output.map(|result| self.ledger.record(self.scope(), result))
            })
        }));
        match polled {
            Ok(Poll::Ready(value)) => {
                let how = if value.is_some() { Ending::Returned } else { Ending::Failed };
                body.set_ending(how);
                running.value = value;
            }
            // A body that is cancelled during its poll was queued by the cancel for its last one.
            Ok(Poll::Pending) if !cancelled || body.is_kept() => return,
            Ok(Poll::Pending) => {}
            Err(payload) => {
                body.set_ending(Ending::Panicked);
                self.ledger.panic(self.scope(), payload);
            }
        }
        // The body's locals go before the children, which cannot borrow any of them.
        let dropped = catch_unwind(AssertUnwindSafe(|| body.scope().run(|| future.set(None))));
        if let Err(payload) = dropped {
            body.set_ending(Ending::Panicked);
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
        // What destructors of children would start is given back to them.
        drop(self.0.doorway.take());
        // SAFETY: `Frame::guard`: what the children borrow is alive.
        let panic = unsafe { self.0.children.clear() };
        if let Some(payload) = panic
            && !std::thread::panicking()
        {
            resume_unwind(payload);
        }
    }
}
