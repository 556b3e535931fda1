//! `spawn_blocking`: code that blocks its thread, on a thread where it may.

use crate::supervised::JoinError;
use nestling_runtime::lowlevel::{Unfinished, blocking};

/// Runs `work` on a thread that may block, and waits for it; the core goes on meanwhile. For what
/// has no other way: a library that blocks, a long computation.
///
/// The threads are shared by all cores (`Builder::blocking_threads`). The call is sent there with
/// the first poll of this future; while as many of its core's calls are queued or run as there are
/// threads, and as many again, it waits for its turn. What `work` captures is sent with it, so
/// `work` borrows nothing. The thread has no runtime: `block_on` works there.
///
/// # Cancellation
///
/// A call that has not begun never runs: what it has captured is dropped on its core. One that runs
/// cannot be stopped: the task that awaits it and the nursery around it wait for its end, and its
/// value is delivered. When the future is dropped, the nursery around it waits in the same way; the
/// value is dropped on the thread that makes it, or with the future if it was made before, and in
/// any case before the nursery returns. So have long work look at a flag.
///
/// A call that waits for its turn is at a drop point. A future that was polled and is then
/// forgotten keeps its place in line for ever.
///
/// # Errors
///
/// [`JoinError::Cancelled`] if the call was cancelled before it began, [`JoinError::TimedOut`] if a
/// deadline did that, [`JoinError::Panic`] if the call panicked. [`JoinError::Refused`] if the
/// process may have no thread at all, or this core no further operation: the error names the limit.
/// When there may be no *further* thread, calls wait for those that there are.
///
/// # Panics
///
/// Outside a runtime.
///
/// # Examples
///
/// ```
/// use nestling_nursery::spawn_blocking;
///
/// let host = nestling_runtime::block_on(async {
///     let read = || std::fs::read_to_string("/proc/sys/kernel/hostname");
///     Ok::<_, std::io::Error>(spawn_blocking(read).await??)
/// });
/// assert!(host.unwrap().ends_with('\n'));
/// ```
pub async fn spawn_blocking<T, F>(work: F) -> Result<T, JoinError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    blocking(work).await.map_err(|unfinished| match unfinished {
        Unfinished::Cancelled(cancelled) => JoinError::stopped(cancelled),
        Unfinished::Panicked(payload) => JoinError::Panic(payload),
        Unfinished::Refused(error) => JoinError::Refused(error),
    })
}
