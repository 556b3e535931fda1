//! `shield`: work that is finished although the code around it is cancelled.

use crate::timeout::{Elapsed, timeout};
use nestling_runtime::lowlevel::{Shield, Surrounding, poll_begin};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Context;
use std::time::Duration;

/// Runs `future` to its end, whatever is cancelled around it: its operations are neither cancelled
/// nor refused, and nurseries inside it run on. A nursery or timeout that is opened *and* cancelled
/// inside it is cancelled. After the shield, the next wait of a cancelled task is its end.
///
/// Without a bound this can hold up the end of a whole server for as long as a peer likes. Use
/// [`shield_for`].
///
/// # Cancellation
///
/// No cancellation from outside. A shield that is dropped early cancels its operations. A
/// cancelled task is kept for as long as it polls a shield. A shield that the task has set aside,
/// such as the loser of a `select!`, or has forgotten, does not keep the task. Nor does a shield
/// inside a combinator that hands wakes on to another task or thread, and polls nothing until the
/// wakes come back.
///
/// A cancelled task may begin 250 shields, clean-ups and nurseries; the next one is its end. So a
/// loop that tries again, with a shield in each turn, ends as well.
///
/// # Panics
///
/// With the panic of the future.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{io::nursery, shield};
/// use nestling_runtime::time::sleep;
/// use std::{cell::Cell, time::Duration};
///
/// let flushed = Cell::new(false);
/// let result = nestling_runtime::block_on(nursery(async |n| {
///     n.spawn(shield(async {
///         sleep(Duration::from_millis(1)).await;
///         flushed.set(true);
///     }));
///     n.spawn(async { n.cancel() });
///     Ok(())
/// }));
/// assert!(result.is_ok() && flushed.get());
/// ```
pub async fn shield<F: Future>(future: F) -> F::Output {
    // In a cancelled task that loops over shields, one of them does not begin any more.
    poll_fn(|cx| poll_begin(cx)).await;
    let mut surrounding = Surrounding::default();
    let mut shield = None;
    let mut future = pin!(future);
    let mut poll =
        |cx: &mut Context<'_>| shield.get_or_insert_with(Shield::new).poll(future.as_mut(), cx);
    poll_fn(|cx| surrounding.poll(cx, &mut poll)).await
}

/// Runs `future` as [`shield`] does, but cancels it after `duration`. The way to
/// say goodbye to a peer, or to finish a frame. To give something back, see
/// [`finally`](crate::finally).
///
/// # Cancellation
///
/// No cancellation from outside.
///
/// # Errors
///
/// [`Elapsed`] if the future was cut at the deadline.
///
/// # Examples
///
/// ```
/// use nestling_nursery::shield_for;
/// use std::{future::pending, time::Duration};
///
/// nestling_runtime::block_on(async {
///     assert_eq!(shield_for(Duration::from_secs(1), async { 7 }).await, Ok(7));
///     assert!(shield_for(Duration::ZERO, pending::<()>()).await.is_err());
/// });
/// ```
pub async fn shield_for<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    shield(timeout(duration, future)).await
}
