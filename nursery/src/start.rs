//! `Started` and `Start`: a child that says when it is ready, and the task that waits for that.
//!
//! ```text
//!              1
//!   starting ─────▶ ready: an ordinary child
//!       ├── 2 ────▶ failed
//!       ├── 3 ────▶ never ready
//!       └── 4 ────▶ given up ── 5 ──▶ ended, or late
//! ```
//!
//! | arrow | taken by | what the starter gets |
//! |---|---|---|
//! | 1 | `Started::ready` | the value |
//! | 2 | the child's `finish`, in `start` | the error, which is not the nursery's |
//! | 3 | the same, of a child that ended well | an error that says so |
//! | 4 | `Start::give_up` | nothing yet: it is cancelled or dropped, so the child is cancelled |
//! | 5 | `Start::poll`, `poll_late` | its own cancellation, once the child has ended |

use crate::child_output::ChildOutput;
use crate::nursery::Nursery;
use nestling_runtime::lowlevel::{
    Begun, CancelHandle, Cancelled, Join, Label, Reason, current_cancellation, current_reason,
    may_hear, stay, was_delivered,
};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What child and starter share.
struct Shared<V> {
    value: Cell<Option<V>>,
    ready: Cell<bool>,
    starter: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

/// Given to a child that was started with [`Nursery::start`]: with this the child says that it is
/// ready. If the child drops this without a word, the starter waits for the child's end.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Started, io::nursery};
/// use std::future::pending;
///
/// let result = nestling_runtime::block_on(nursery(async |n| {
///     let port: u16 = n
///         .start(async |up: Started<u16>| {
///             up.ready(8080); // the listener is bound
///             pending::<std::io::Result<()>>().await // and goes on accepting
///         })
///         .await?;
///     n.cancel();
///     Ok(port)
/// }));
/// assert_eq!(result.unwrap(), 8080);
/// ```
pub struct Started<V> {
    shared: Rc<Shared<V>>,
}

impl<V> Started<V> {
    /// The child is ready: the task that started it goes on with `value`. From now on the child's
    /// failure is the nursery's.
    pub fn ready(self, value: V) {
        self.shared.ready.set(true);
        if self.shared.starter.get() {
            self.shared.value.set(Some(value));
        }
        let waker = self.shared.waker.take();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// The future of [`Nursery::start`].
///
/// # Cancellation
///
/// The child is cancelled, and its end waited for. If the future is dropped, the nursery waits for
/// that end.
///
/// # Examples
///
/// See [`Started`].
#[must_use = "dropping it cancels the child"]
pub struct Start<'scope, V, E> {
    /// The child's value is its error, if it failed before it was ready.
    join: Join<Result<(), E>>,
    shared: Rc<Shared<V>>,
    begun: Begun,
    gave_up: bool,
    /// The child has ended, and the starter has heard of its own cancellation before.
    late: bool,
    /// Invariant: like a handle, this future cannot leave the nursery.
    scope: PhantomData<Cell<&'scope ()>>,
}

// Nothing in here is pinned: value and error are moved out of their cells.
impl<V, E> Unpin for Start<'_, V, E> {}

/// Starts a child; see [`Nursery::start`].
pub(crate) fn start<'scope, V, G, O, E>(
    nursery: &'scope Nursery<'scope, '_, E>,
    child: G,
    label: Label,
) -> Start<'scope, V, E>
where
    V: 'scope,
    G: AsyncFnOnce(Started<V>) -> O + 'scope,
    O: ChildOutput<E> + 'scope,
{
    let shared = Rc::new(Shared {
        value: Cell::new(None),
        ready: Cell::new(false),
        starter: Cell::new(true),
        waker: RefCell::new(None),
    });
    let started = Started { shared: Rc::clone(&shared) };
    let its = Rc::clone(&shared);
    let join = nursery.add(async move { child(started).await }, label, move |frame, output: O| {
        let result = output.into_result().map(drop);
        if its.ready.get() || !its.starter.get() || was_delivered() {
            frame.ledger().record(frame.scope(), result).map(Ok)
        } else {
            Some(result)
        }
    });
    let (begun, gave_up, late) = (Begun::now(), false, false);
    Start { join, shared, begun, gave_up, late, scope: PhantomData }
}

impl<V, E> Start<'_, V, E> {
    /// The starter is cancelled or dropped: cancels the child, which is of no use any more.
    fn give_up(&mut self) {
        if !std::mem::replace(&mut self.gave_up, true) {
            // The operations of the child say what those of the starter do.
            let late = current_cancellation().is_timed_out();
            let why = if late { Reason::Deadline } else { Reason::Asked };
            CancelHandle::of(&self.join).cancel(why);
        }
    }

    /// The child has ended well, after its starter has given it up: the starter hears of its own
    /// cancel.
    fn poll_late(&mut self, cx: &Context<'_>) -> Poll<Result<V, E>>
    where
        E: From<Cancelled>,
    {
        self.late = !may_hear(self.begun);
        if self.late { stay(cx) } else { Poll::Ready(Err(current_cancellation().into())) }
    }
}

impl<V, E: From<Cancelled>> Future for Start<'_, V, E> {
    type Output = Result<V, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.gave_up
            && let Some(value) = self.shared.value.take()
        {
            self.shared.starter.set(false);
            return Poll::Ready(Ok(value));
        }
        if current_reason().is_some() {
            self.give_up();
        }
        if self.late {
            return self.poll_late(cx);
        }
        let Poll::Ready(joined) = Pin::new(&mut self.join).poll(cx) else {
            let old = self.shared.waker.replace(Some(cx.waker().clone()));
            drop(old);
            return Poll::Pending;
        };
        self.shared.starter.set(false);
        Poll::Ready(match joined {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) if !self.gave_up && !self.shared.ready.get() => {
                Err(Cancelled::never_ready().into())
            }
            // Not the child: the task that has started it was cancelled.
            Err(_) if self.gave_up => Err(current_cancellation().into()),
            // The child was cancelled before it was ready.
            Err(cancelled) => Err(cancelled.into()),
            Ok(Ok(())) => return self.poll_late(cx),
        })
    }
}

impl<V, E> Drop for Start<'_, V, E> {
    fn drop(&mut self) {
        if self.shared.starter.replace(false) {
            self.give_up();
        }
    }
}

impl<V> fmt::Debug for Started<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").finish_non_exhaustive()
    }
}

impl<V, E> fmt::Debug for Start<'_, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("ready", &self.shared.ready.get()).finish_non_exhaustive()
    }
}
