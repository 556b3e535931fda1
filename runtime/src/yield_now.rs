//! `yield_now` and `checkpoint`: let others run.

use crate::scope;
use crate::wake::budget;
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

/// A place where a long computation can be interrupted. Returns at once while the turn's budget of
/// polls lasts, which it uses up one by one; then it is a [`yield_now`].
///
/// # Cancellation
///
/// A cancelled task ends here.
///
/// # Examples
///
/// ```
/// nestling_runtime::block_on(async {
///     let mut sum = 0_u64;
///     for number in 0..10_000 {
///         sum += number;
///         nestling_runtime::checkpoint().await;
///     }
///     assert_eq!(sum, 49_995_000);
/// });
/// ```
pub async fn checkpoint() {
    budget::spend();
    let cancelled = scope::current().is_some_and(scope::is_in_cancelled);
    if cancelled || !budget::left() {
        yield_now().await;
    }
}
