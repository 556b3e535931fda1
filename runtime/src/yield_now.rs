//! `yield_now`: lets others run first.

use crate::scope;
use std::future::poll_fn;
use std::task::Poll;

/// Goes behind everything else that is ready, including, after the turn's budget, what the kernel
/// has completed meanwhile.
///
/// # Cancellation
///
/// A cancelled task ends here: a loop that yields is a loop that can be cancelled.
///
/// # Examples
///
/// ```
/// nestling_runtime::block_on(async {
///     for _ in 0..3 {
///         nestling_runtime::yield_now().await;
///     }
/// });
/// ```
pub async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        if !scope::current().is_some_and(scope::is_in_cancelled) {
            yielded = true;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}
