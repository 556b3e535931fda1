//! `timeout`: a cancel scope with a deadline.

use nestling_runtime::lowlevel::{
    CancelScope, Instant, Reason, Surrounding, sleep_past_turn_until, stay,
};
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Runs `future` for at most `duration`, then cancels it.
///
/// The future is polled before the deadline counts, and an operation that it begins there is
/// submitted and looked at once. So `timeout(Duration::ZERO, stream.read(buffer))` tries: it reads
/// bytes that wait. (Only if thousands of operations begin at once do some come too late for that.)
///
/// # Cancellation
///
/// Cancelling follows the rules of nurseries: an operation that is awaited when the time is up
/// answers once more, so a result that raced the deadline wins, and a receive's buffer comes back:
/// `timeout(d, stream.read(buffer))` resolves to `Ok((Err(error), buffer))`. A future that then
/// waits again is cut. A nursery always answers: `timeout(d, nursery(…))` resolves to
/// `Ok(Err(error))`, and so do [`race`](crate::race) and [`for_each_limit`](crate::for_each_limit).
/// As an `io::Error` each of these is of the kind `TimedOut`, as [`Elapsed`] is, and
/// [`is_cancelled`](nestling_runtime::is_cancelled).
///
/// # Errors
///
/// [`Elapsed`] if the future was cut at the deadline.
///
/// # Panics
///
/// With the panic of the future; outside a runtime.
///
/// # Examples
///
/// ```
/// use nestling_nursery::timeout;
/// use nestling_runtime::time::sleep;
/// use std::time::Duration;
///
/// nestling_runtime::block_on(async {
///     let ms = Duration::from_millis;
///     assert!(timeout(ms(2), sleep(Duration::MAX)).await.is_err());
///     assert_eq!(timeout(Duration::MAX, async { 7 }).await.unwrap(), 7);
/// });
/// ```
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    timeout_at(Instant::now() + duration, future).await
}

/// Runs `future` until `deadline`, then cancels it; see [`timeout`]. With a moment that has passed
/// the future is polled, what it has submitted is looked at once, and it is cancelled after that.
///
/// # Errors
///
/// [`Elapsed`] if the future was cut at the deadline.
///
/// # Panics
///
/// As [`timeout`].
///
/// # Examples
///
/// ```
/// use nestling_nursery::timeout_at;
/// use nestling_runtime::time::Instant;
/// use std::future::pending;
///
/// nestling_runtime::block_on(async {
///     let now = Instant::now();
///     assert!(timeout_at(now, async { 7 }).await.is_ok()); // it succeeds at once
///     assert!(timeout_at(now, pending::<()>()).await.is_err());
/// });
/// ```
pub async fn timeout_at<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Elapsed> {
    until(sleep_past_turn_until(deadline), future).await
}

/// Runs `future` until `timer` resolves, then cancels it.
pub(crate) async fn until<F: Future>(
    timer: impl Future<Output = ()>,
    future: F,
) -> Result<F::Output, Elapsed> {
    let mut surrounding = Surrounding::default();
    let scope = CancelScope::new();
    let mut timer = pin!(timer);
    let mut future = pin!(Some(future));
    let mut expired = false;
    let mut poll = |cx: &mut Context<'_>| loop {
        if let Poll::Ready(output) = scope.poll(future.as_mut(), cx) {
            return Poll::Ready(output.ok_or(Elapsed(())));
        }
        expired = expired || timer.as_mut().poll(cx).is_ready();
        match scope.reason() {
            None if expired => scope.cancel(Reason::Deadline),
            // The future is cut with the scope around it, unless it was only lent to that scope.
            Some(Reason::Ancestor) if expired => return scope.run(|| stay(cx)),
            _ => return Poll::Pending,
        }
    };
    poll_fn(|cx| surrounding.poll(cx, &mut poll)).await
}

/// The time was up before the work was done.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Elapsed, timeout};
/// let late: Elapsed = nestling_runtime::block_on(async {
///     timeout(std::time::Duration::ZERO, std::future::pending::<()>()).await.unwrap_err()
/// });
/// assert_eq!(std::io::Error::from(late).kind(), std::io::ErrorKind::TimedOut);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline passed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for io::Error {
    fn from(elapsed: Elapsed) -> Self {
        Self::new(io::ErrorKind::TimedOut, elapsed)
    }
}
