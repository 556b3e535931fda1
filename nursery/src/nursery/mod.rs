//! `nursery` and `Nursery`: open a scope for tasks, and start children in it.

mod frame;
mod refused;

pub(crate) use frame::Frame;

use crate::canceller::{Canceller, RemoteCanceller};
use crate::child_output::ChildOutput;
use crate::failures::Failures;
use crate::join_handle::JoinHandle;
use crate::ledger::Ledger;
use crate::options::Options;
use frame::Running;
use nestling_runtime::lowlevel::{Cancelled, Instant, Join, Label, Reason, poll_begin, stay};
use std::future::{Future, poll_fn};
use std::io;
use std::marker::PhantomData;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// Runs `body`, which may start children, and returns when all have ended and the kernel has
/// finished everything that was submitted below: descriptors that were dropped are closed.
///
/// The first failure (an error or a panic of the body or of a child) cancels all others. An
/// operation that one of them awaits answers once more, with its real result or with
/// [`Cancelled`]; after that the next wait of that task is its end. Children may borrow anything
/// that lives around the nursery.
///
/// The error may be of any type that says "cancelled" as well. [`io::nursery`](crate::io::nursery)
/// is the same with [`io::Error`], so that the compiler need not be told.
///
/// # Cancellation
///
/// When a scope around it is cancelled, the nursery is too, and still waits for its children. When
/// its future is dropped, the nursery cannot wait: the children are dropped at once, and the scope
/// around waits for the operations that they had in flight.
///
/// # Errors
///
/// The first real failure; [`Cancelled`] if the body or a child was stopped and this nursery's own
/// [`cancel`](Nursery::cancel) did not ask for that.
///
/// # Panics
///
/// With the first panic of the body or a child, after all have ended; outside a runtime.
///
/// # Examples
///
/// ```
/// use nestling_nursery::io::nursery; // or `nestling_nursery::nursery`, for errors of your own
/// use nestling_runtime::time::sleep;
/// use std::io::Error;
/// use std::time::Duration;
///
/// let result = nestling_runtime::block_on(nursery(async |n| {
///     n.spawn(async { sleep(Duration::MAX).await }); // would never end
///     n.spawn(async { Err::<(), _>(Error::other("the card was refused")) });
///     Ok(())
/// }));
/// assert_eq!(result.unwrap_err().to_string(), "the card was refused");
/// ```
#[track_caller]
pub fn nursery<'env, T, E, F>(body: F) -> impl Future<Output = Result<T, E>>
where
    E: From<Cancelled>,
    F: for<'scope> AsyncFnOnce(&'scope Nursery<'scope, 'env, E>) -> Result<T, E>,
{
    nursery_with(Options::default(), body)
}

/// Opens a nursery with a name, slots or a deadline; otherwise as [`nursery()`].
///
/// # Errors
///
/// As [`nursery()`]. After the nursery's own deadline, [`Cancelled`] says so; after any deadline,
/// it is of the kind `TimedOut` as an [`io::Error`].
///
/// # Panics
///
/// As [`nursery()`].
///
/// # Examples
///
/// See [`Options`].
#[track_caller]
pub fn nursery_with<'env, T, E, F>(options: Options, body: F) -> impl Future<Output = Result<T, E>>
where
    E: From<Cancelled>,
    F: for<'scope> AsyncFnOnce(&'scope Nursery<'scope, 'env, E>) -> Result<T, E>,
{
    let label = Label::here().named(options.name);
    run(options, label, Ledger::new(), body, |frame, value| frame.ledger().close(frame, value))
}

/// Opens a nursery that reports every failure, not only the first; otherwise as [`nursery()`].
///
/// # Errors
///
/// All real failures; none of them, if the body or a child was stopped and this nursery's own
/// [`cancel`](Nursery::cancel) did not ask for that.
///
/// # Panics
///
/// As [`nursery()`].
///
/// # Examples
///
/// See [`Failures`].
#[track_caller]
pub fn nursery_all<'env, T, E, F>(body: F) -> impl Future<Output = Result<T, Failures<E>>>
where
    F: for<'scope> AsyncFnOnce(&'scope Nursery<'scope, 'env, E>) -> Result<T, E>,
{
    nursery_all_with(Options::default(), body)
}

/// Opens a nursery that reports every failure, with a name, slots or a deadline; otherwise as
/// [`nursery_all`].
///
/// # Errors
///
/// As [`nursery_all`].
///
/// # Panics
///
/// As [`nursery()`].
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Options, io::nursery_all_with};
/// use nestling_runtime::time::{Instant, sleep};
/// use std::time::Duration;
///
/// let options = Options { deadline: Some(Instant::now()), ..Options::default() };
/// let result = nestling_runtime::block_on(nursery_all_with(options, async |_| {
///     Ok(sleep(Duration::MAX).await)
/// }));
/// assert!(result.unwrap_err().cancelled());
/// ```
#[track_caller]
pub fn nursery_all_with<'env, T, E, F>(
    options: Options,
    body: F,
) -> impl Future<Output = Result<T, Failures<E>>>
where
    F: for<'scope> AsyncFnOnce(&'scope Nursery<'scope, 'env, E>) -> Result<T, E>,
{
    let label = Label::here().named(options.name);
    run(options, label, Ledger::of_all(), body, |frame, value| {
        frame.ledger().close_all(frame, value)
    })
}

/// Runs the body and the children until all have ended, and the kernel is done too; then `close`
/// makes the result. If it makes none, this does not return. A nursery has this one future: another
/// future around it would hold the body twice.
pub(crate) async fn run<'env, T, E, F, R>(
    options: Options,
    label: Label,
    ledger: Ledger<E>,
    body: F,
    close: fn(&Frame<E>, Option<T>) -> Option<R>,
) -> R
where
    F: for<'scope> AsyncFnOnce(&'scope Nursery<'scope, 'env, E>) -> Result<T, E>,
{
    poll_fn(|cx| poll_begin(cx)).await;
    let frame = Frame::new(&options, label, ledger);
    let nursery = Nursery { frame, scope: PhantomData, env: PhantomData };
    let frame = Rc::clone(&nursery.frame);
    // Locals go in reverse order: the body's future, the children, then the nursery.
    // SAFETY: children outlive neither `nursery` nor what is around this future: the guard is a
    // local of this future, declared after `nursery`.
    let guard = unsafe { frame.guard() };
    let task = frame.body();
    // Called in the body's task: what a plain function does before it returns a future is the
    // body's.
    let future = pin!(Some(async { body(&nursery).await }));
    let mut running = Running { future, body: Some(task), value: None };
    // SAFETY: this is the nursery's own future.
    poll_fn(|cx| unsafe { frame.poll(&mut running, cx) }).await;
    drop(guard);
    poll_fn(|cx| close(&frame, running.value.take()).map_or_else(|| stay(cx), Poll::Ready)).await
}

/// A place for tasks, open while [`nursery`] runs. Children are started with
/// [`spawn`](Self::spawn), by the body or by other children.
///
/// A nursery cannot leave its body, nor its thread:
///
/// ```compile_fail
/// # use nestling_nursery::{Nursery, nursery};
/// # async fn f() -> std::io::Result<()> {
/// let mut kept: Option<&Nursery<'_, '_>> = None;
/// nursery(async |n| { kept = Some(n); Ok(()) }).await
/// # }
/// ```
///
/// ```compile_fail,E0277
/// # async fn f() -> std::io::Result<()> {
/// nestling_nursery::nursery(async |n| {
///     std::thread::scope(|s| { s.spawn(|| n.cancel()); });
///     Ok(())
/// }).await
/// # }
/// ```
///
/// # Examples
///
/// See [`nursery`].
#[derive(Debug)]
pub struct Nursery<'scope, 'env: 'scope, E = io::Error> {
    frame: Rc<Frame<E>>,
    /// Invariant: children live exactly as long as the nursery is open.
    scope: PhantomData<&'scope mut &'scope ()>,
    /// Invariant: what children may borrow.
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, E> Nursery<'scope, '_, E> {
    /// Starts a child on this core. The child is polled for the first time in the nursery's next
    /// poll.
    ///
    /// The child's error, or panic, is the nursery's, whether or not its handle is awaited. In a
    /// cancelled nursery the child is dropped unpolled, and its handle says so.
    ///
    /// # Examples
    ///
    /// See [`nursery()`].
    #[track_caller]
    pub fn spawn<F>(&'scope self, child: F) -> JoinHandle<'scope, <F::Output as ChildOutput<E>>::Ok>
    where
        F: Future<Output: ChildOutput<E>> + 'scope,
    {
        self.spawn_labelled(child, Label::here())
    }

    pub(crate) fn spawn_labelled<F>(
        &'scope self,
        child: F,
        label: Label,
    ) -> JoinHandle<'scope, <F::Output as ChildOutput<E>>::Ok>
    where
        F: Future<Output: ChildOutput<E>> + 'scope,
    {
        JoinHandle::new(self.add(child, label, |frame, output: F::Output| {
            frame.ledger().record(frame.scope(), output.into_result())
        }))
    }

    /// Adds a child of any kind. `finish` enters the child's output into the books and makes the
    /// child's value of it.
    pub(crate) fn add<F, M, T>(&'scope self, child: F, label: Label, finish: M) -> Join<T>
    where
        F: Future + 'scope,
        M: FnOnce(&Frame<E>, F::Output) -> Option<T> + 'scope,
        T: 'scope,
    {
        // SAFETY: all of it outlives `'scope`, and so does `self`; the frame's guard and the
        // nursery's future end it (see `run`).
        unsafe { self.frame.spawn(child, finish, label) }
    }

    pub(crate) fn shared_frame(&self) -> &Rc<Frame<E>> {
        &self.frame
    }

    pub(crate) fn frame(&self) -> &Frame<E> {
        &self.frame
    }

    /// Has the nursery be cancelled at `at`, instead of at a deadline that was set before; `None`
    /// lifts the deadline. A moment that has passed cancels the nursery at once, but ready tasks
    /// are polled before: a success that races the deadline wins.
    ///
    /// The nursery then returns [`Cancelled`], unless a child or the body failed before.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_nursery::io::nursery;
    /// use nestling_runtime::time::{Instant, sleep};
    /// use std::{io, time::Duration};
    ///
    /// let result = nestling_runtime::block_on(nursery(async |n| {
    ///     n.spawn(sleep(Duration::MAX));
    ///     n.set_deadline(Some(Instant::now() + Duration::from_millis(1)));
    ///     Ok(())
    /// }));
    /// assert_eq!(result.unwrap_err().kind(), io::ErrorKind::TimedOut);
    /// ```
    pub fn set_deadline(&self, at: Option<Instant>) {
        self.frame.set_deadline(at);
    }

    /// Cancels the nursery: all children and the body. Sticky; repeating it is harmless. The
    /// task that calls this goes on until its next wait.
    ///
    /// A cancel alone is no failure: the nursery returns `Ok` if the body gets to its value.
    pub fn cancel(&self) {
        self.frame.scope().cancel(Reason::Asked);
    }

    /// Has the nursery be cancelled, as by [`cancel`](Self::cancel), when `canceller` cancels: one
    /// that is older than the nursery, so that code elsewhere can have it. If it was used already,
    /// the nursery is cancelled at once.
    ///
    /// # Examples
    ///
    /// See [`RemoteCanceller::new`].
    pub fn cancel_with(&self, canceller: &RemoteCanceller) {
        match canceller.enlist(self.frame.remote()) {
            Some(place) => self.frame.stay_enlisted(place),
            None => self.cancel(),
        }
    }

    /// Whether this nursery, or a scope around it, was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.frame.scope().reason().is_some()
    }

    /// A canceller of this nursery, which is bound to no lifetime.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(self.frame.scope().handle(), self.frame.remote())
    }

    /// Children that have not ended. The body is not counted.
    pub fn len(&self) -> usize {
        self.frame.len()
    }

    /// Whether every child has ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
