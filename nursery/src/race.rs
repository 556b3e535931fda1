//! `race`: the first of several futures that succeeds.

use crate::nursery::nursery_with;
use crate::options::Options;
use nestling_runtime::lowlevel::Cancelled;
use std::cell::Cell;
use std::future::Future;

/// Runs all futures at once. The first that succeeds wins; the others are cancelled, and `race`
/// returns when they have ended and the kernel is done with them.
///
/// # Cancellation
///
/// All futures are cancelled. One that succeeds in spite of that wins.
///
/// # Errors
///
/// If all fail, the first error; [`Cancelled`] if there were none to run.
///
/// # Panics
///
/// With the first panic of any of them.
///
/// # Examples
///
/// ```
/// use nestling_nursery::race;
/// use nestling_runtime::time::sleep;
/// use std::{io, time::Duration};
///
/// let result: io::Result<u64> = nestling_runtime::block_on(race([3, 1, 2].map(async |ms| {
///     sleep(Duration::from_millis(100 * ms)).await;
///     Ok(ms)
/// })));
/// assert_eq!(result.unwrap(), 1);
/// ```
pub async fn race<I, T, E>(futures: I) -> Result<T, E>
where
    I: IntoIterator,
    I::Item: Future<Output = Result<T, E>>,
    E: From<Cancelled>,
{
    let (winner, failed) = (Cell::new(None), Cell::new(None));
    let options = Options { name: Some("race"), ..Options::default() };
    let ended = nursery_with(options, async |n| {
        for future in futures {
            let (winner, failed) = (&winner, &failed);
            n.spawn(async move {
                match future.await {
                    Ok(value) => {
                        set_first(winner, value);
                        n.cancel();
                    }
                    Err(error) => set_first(failed, error),
                }
            });
        }
        Ok(())
    })
    .await;
    match (winner.take(), ended) {
        (Some(value), _) => Ok(value),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Err(failed.take().unwrap_or_else(|| Cancelled::new().into())),
    }
}

/// Puts a value into a place, unless one is there.
fn set_first<T>(place: &Cell<Option<T>>, value: T) {
    let first = place.take().unwrap_or(value);
    place.set(Some(first));
}
