//! Tokio beside Nestling: [`on_tokio`], a task of Tokio's that a nursery waits for; and
//! [`postgres`], a library of Tokio's that needs no Tokio.
//!
//! `examples/` has the two ways to have Tokio's types in a nursery, and says what is joined.

mod book;
pub mod postgres;

use nestling::finally;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use tokio::runtime::Handle;
use tokio::task::JoinError;

/// Runs a future as a task of Tokio's, on Tokio's threads, and waits for it. When this returns, or
/// was cancelled and is gone, the task has ended: a cancel aborts the task and waits for its end.
///
/// Only the result crosses to the core. So a library that does much I/O for one answer costs one
/// wake from another thread, not one for each of its reads.
///
/// # Cancellation
///
/// The task is aborted: it ends at its next await. If it has none, it is waited for. If foreign
/// code drops this future (a `select!`), nothing waits, and the task goes on by itself.
///
/// # Errors
///
/// The task has panicked, or Tokio's runtime was shut down.
///
/// # Examples
///
/// ```
/// use nestling::io::nursery;
/// use nestling_beside::on_tokio;
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let tokio = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
/// let value = nestling::block_on(nursery(async |n| {
///     let work = async {
///         tokio::time::sleep(Duration::from_millis(1)).await;
///         6 * 7
///     };
///     let child = n.spawn(async { Ok(on_tokio(tokio.handle(), work).await?) });
///     Ok(child.await?)
/// }))?;
/// assert_eq!(value, 42);
/// # Ok(())
/// # }
/// ```
pub async fn on_tokio<F>(tokio: &Handle, work: F) -> Result<F::Output, JoinError>
where
    F: Future<Output: Send> + Send + 'static,
{
    let task = RefCell::new(tokio.spawn(work));
    let ended = || poll_fn(|cx| Pin::new(&mut *task.borrow_mut()).poll(cx));
    finally(ended(), async |value| {
        if value.is_none() {
            task.borrow().abort();
            // Its value, if it has ended by itself all the same, has no taker any more.
            drop(ended().await);
        }
    })
    .await
}
