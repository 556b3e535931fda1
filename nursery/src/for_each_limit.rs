//! `for_each_limit`: works on many items, on a few at a time.

use crate::nursery::nursery_with;
use crate::options::Options;
use nestling_runtime::lowlevel::Cancelled;

/// Calls `work` for every item, with at most `limit` of the calls running at a time (zero counts as
/// one). Items are taken in order, when there is room for them. Returns when all calls have ended.
///
/// # Cancellation
///
/// All calls that run are cancelled; no more items are taken.
///
/// # Errors
///
/// The first failure, which cancels the others.
///
/// # Panics
///
/// With the first panic of any call.
///
/// # Examples
///
/// ```
/// use nestling_nursery::for_each_limit;
/// use std::{cell::Cell, io};
///
/// let total = Cell::new(0);
/// let words = ["one", "two", "three"];
/// let result: io::Result<()> = nestling_runtime::block_on(for_each_limit(2, words, async |word| {
///     total.set(total.get() + word.len());
///     Ok(())
/// }));
/// assert!(result.is_ok());
/// assert_eq!(total.get(), 11);
/// ```
pub async fn for_each_limit<I, F, E>(limit: usize, items: I, work: F) -> Result<(), E>
where
    I: IntoIterator,
    F: AsyncFn(I::Item) -> Result<(), E>,
    E: From<Cancelled>,
{
    let options =
        Options { name: Some("for_each_limit"), slots: Some(limit), ..Options::default() };
    let work = &work;
    nursery_with(options, async |n| {
        let mut items = items.into_iter();
        loop {
            let slot = n.slot().await;
            let Some(item) = items.next() else { return Ok(()) };
            slot.spawn(async move { work(item).await });
        }
    })
    .await
}
