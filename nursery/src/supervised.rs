//! `Supervised`: a child whose end, however it comes, is for its handle alone.

use crate::ledger::{drop_quietly, quietly};
use nestling_runtime::lowlevel::{CancelHandle, Cancelled, Join, Payload, Reason};
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// The handle of a child that was started with [`Nursery::supervise`](crate::Nursery::supervise):
/// resolves to the child's output, whatever its type, or to how it ended otherwise.
///
/// Dropping the handle discards the output, or the panic, not the child: the nursery waits for the
/// child. Should the destructor of a discarded output panic, whenever that is, the panic hook
/// tells, and neither the nursery nor the code that drops the handle is concerned. An output that
/// an await has given out belongs to that code.
///
/// # Cancellation
///
/// A task that awaits a handle is kept for as long as the child is.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{JoinError, Supervised, io::nursery};
///
/// let result = nestling_runtime::block_on(nursery(async |n| {
///     let worker: Supervised<'_, u32> = n.supervise(async { panic!("out of order") });
///     let other = n.spawn(async { Ok(7) });
///     assert!(matches!(worker.await, Err(JoinError::Panic(_))));
///     Ok(other.await?) // lives on
/// }));
/// assert_eq!(result.unwrap(), 7);
/// ```
#[derive(Debug)]
pub struct Supervised<'scope, O> {
    join: Join<Left<O>>,
    /// Invariant: a handle cannot leave the nursery it came from.
    scope: PhantomData<Cell<&'scope ()>>,
}

impl<O> Supervised<'_, O> {
    pub(crate) fn new(join: Join<Left<O>>) -> Self {
        Self { join, scope: PhantomData }
    }

    /// Whether the child has ended.
    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }

    /// Cancels the child, and only that.
    pub fn cancel(&self) {
        CancelHandle::of(&self.join).cancel(Reason::Asked);
    }
}

impl<O> Future for Supervised<'_, O> {
    type Output = Result<O, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.join).poll(cx).map(|joined| match joined.map(Left::take) {
            Ok(Some(Ok(output))) => Ok(output),
            Ok(Some(Err(payload))) => Err(JoinError::Panic(payload)),
            Ok(None) => Err(JoinError::Cancelled),
            Err(cancelled) => Err(JoinError::stopped(cancelled)),
        })
    }
}

/// What a supervised child leaves behind: its output, or its panic. Wherever this is dropped, a
/// panic of the destructor goes no further.
#[derive(Debug)]
pub(crate) struct Left<O>(Option<Result<O, Payload>>);

impl<O> Left<O> {
    /// The output or the panic, for the code that awaits the handle.
    pub(crate) fn take(mut self) -> Option<Result<O, Payload>> {
        self.0.take()
    }
}

impl<O> Drop for Left<O> {
    fn drop(&mut self) {
        drop_quietly(self.0.take());
    }
}

/// Runs a future and catches its panics, also those of its destructor, polled or not.
pub(crate) fn caught<F: Future>(future: F) -> impl Future<Output = Left<F::Output>> {
    /// Drops the future before its owner does.
    struct Running<'a, F>(Pin<&'a mut Option<F>>);
    impl<F> Drop for Running<'_, F> {
        fn drop(&mut self) {
            quietly(|| self.0.set(None));
        }
    }
    /// Catches the panics of the destructor when the future is dropped before its first poll.
    struct Waiting<F>(Option<F>);
    impl<F> Drop for Waiting<F> {
        fn drop(&mut self) {
            drop_quietly(self.0.take());
        }
    }
    let mut waiting = Waiting(Some(future));
    async move {
        let future = pin!(waiting.0.take());
        let mut running = Running(future);
        poll_fn(|cx| {
            let future = running.0.as_mut().as_pin_mut().expect("it is dropped at the end");
            match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
                Ok(polled) => polled.map(|output| Left(Some(Ok(output)))),
                Err(payload) => Poll::Ready(Left(Some(Err(payload)))),
            }
        })
        .await
    }
}

/// How a supervised child, or a blocking call, ended without an output.
///
/// # Examples
///
/// See [`Supervised`].
pub enum JoinError {
    /// The child was cut, by its handle or with its nursery; a blocking call, before it began.
    Cancelled,
    /// The child or the call was cut by a deadline.
    TimedOut,
    /// The child or the call panicked, with this payload.
    Panic(Payload),
    /// A blocking call that could not begin: the process may have no thread for it, or the core no
    /// further operation. The error names the limit, and is of the kind `QuotaExceeded`.
    Refused(io::Error),
}

impl JoinError {
    pub(crate) fn stopped(cancelled: Cancelled) -> Self {
        if cancelled.is_timed_out() { Self::TimedOut } else { Self::Cancelled }
    }

    /// Whether the child or the call was cut, by a deadline or otherwise.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled | Self::TimedOut)
    }

    /// What the panic said, if it was one with a text.
    pub fn message(&self) -> Option<&str> {
        let Self::Panic(payload) = self else { return None };
        let text = payload.downcast_ref::<&str>().copied();
        text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("Cancelled"),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::Panic(_) => f.debug_tuple("Panic").field(&self.message()).finish(),
            Self::Refused(error) => f.debug_tuple("Refused").field(&error.to_string()).finish(),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.message()) {
            (Self::Cancelled, _) => f.write_str("the task was cancelled"),
            (Self::TimedOut, _) => f.write_str("the task was cancelled: a deadline passed"),
            (Self::Panic(_), Some(message)) => write!(f, "the task panicked: {message}"),
            (Self::Panic(_), None) => f.write_str("the task panicked"),
            (Self::Refused(error), _) => error.fmt(f),
        }
    }
}

impl Error for JoinError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        // `fmt` has told the error's own text already.
        let Self::Refused(error) = self else { return None };
        error.source()
    }
}

impl From<JoinError> for io::Error {
    /// A cancellation [stays one](nestling_runtime::is_cancelled). A panic keeps its text only: its
    /// payload need not be `Sync`, as an `io::Error` has to be.
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Cancelled => Cancelled::new().into(),
            JoinError::TimedOut => Cancelled::timed_out().into(),
            JoinError::Refused(error) => error,
            JoinError::Panic(_) => {
                let text = error.to_string();
                drop_quietly(error);
                Self::other(text)
            }
        }
    }
}
