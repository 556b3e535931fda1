//! Wakers that run code when they are cloned, woken and dropped.
#![expect(unsafe_code, reason = "a waker that borrows")]

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

/// What a waker with hooks does when it is cloned, woken and dropped.
#[derive(Default)]
pub(crate) struct Hooks<'a> {
    pub(crate) clone: RefCell<Option<Box<dyn FnOnce() + 'a>>>,
    pub(crate) wake: RefCell<Option<Box<dyn FnOnce() + 'a>>>,
    pub(crate) drop: RefCell<Option<Box<dyn FnOnce() + 'a>>>,
    pub(crate) woken: Cell<u32>,
}

fn run(hook: &RefCell<Option<Box<dyn FnOnce() + '_>>>) {
    let taken = hook.borrow_mut().take();
    if let Some(hook) = taken {
        hook();
    }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(
    |data| {
        run(&hooks(&data).clone);
        RawWaker::new(data, &TABLE)
    },
    |data| {
        hooks(&data).woken.set(hooks(&data).woken.get() + 1);
        run(&hooks(&data).wake);
    },
    |_| unreachable!("wakers are woken by value here"),
    |data| run(&hooks(&data).drop),
);

fn hooks<'a>(data: &'a *const ()) -> &'a Hooks<'a> {
    // SAFETY: a test that polls with such a waker keeps the hooks alive longer, on this thread.
    unsafe { &*data.cast::<Hooks<'a>>() }
}

/// Polls once with a waker that runs the hooks. They have to live as long as the waker is kept.
pub(crate) fn poll_hooked<F: Future + ?Sized>(
    future: Pin<&mut F>,
    hooks: &Hooks<'_>,
) -> Poll<F::Output> {
    let raw = RawWaker::new((&raw const *hooks).cast(), &TABLE);
    // SAFETY: the table's functions take the pointer for hooks, which live long enough.
    let waker = ManuallyDrop::new(unsafe { Waker::from_raw(raw) });
    future.poll(&mut Context::from_waker(&waker))
}

pub(crate) fn on<'a>(hook: &RefCell<Option<Box<dyn FnOnce() + 'a>>>, act: impl FnOnce() + 'a) {
    *hook.borrow_mut() = Some(Box::new(act));
}
