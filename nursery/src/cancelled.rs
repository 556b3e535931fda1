//! `cancelled`: waits for the cancellation of the code that asks.

use nestling_runtime::lowlevel::{Cancelled, until_cancelled};

/// Resolves when the scope of the code that awaits it is cancelled: the place to begin an orderly
/// end. Like any answer to a cancellation it is the last one: the next wait that is not shielded
/// does not return, and an error that the task returns after that does not fail its nursery.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{cancelled, io::nursery, shield_for};
/// use nestling_runtime::time::sleep;
/// use std::{cell::Cell, time::Duration};
///
/// let said = Cell::new("nothing");
/// let result = nestling_runtime::block_on(nursery(async |n| {
///     n.spawn(async {
///         cancelled().await;
///         let goodbye = sleep(Duration::from_millis(1));
///         if shield_for(Duration::from_secs(1), goodbye).await.is_ok() {
///             said.set("bye");
///         }
///     });
///     nestling_runtime::yield_now().await;
///     n.cancel();
///     Ok(())
/// }));
/// assert!(result.is_ok());
/// assert_eq!(said.get(), "bye");
/// ```
pub async fn cancelled() -> Cancelled {
    until_cancelled().await
}
