//! Drop points: awaits that do not return in a cancelled scope, see [`stay`].

use crate::wake::stay;
use std::future::poll_fn;
use std::task::{Context, Poll};

/// Ready in a scope that is not cancelled. An await calls this before it takes anything.
#[inline]
pub(crate) fn poll_drop_point(cx: &Context<'_>) -> Poll<()> {
    if super::is_here_cancelled() { stay(cx) } else { Poll::Ready(()) }
}

/// As [`poll_drop_point`], as an await of its own.
pub(crate) async fn drop_point() {
    poll_fn(|cx| poll_drop_point(cx)).await;
}
