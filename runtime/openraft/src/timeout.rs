//! `Timeout`: a future with a deadline, as a type with a name.

use nestling::time::Sleep;
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A future, and the time that it has. Unlike `nestling::timeout`, a timeout of openraft drops
    /// its future where it waits.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_openraft::NestlingRuntime;
    /// use openraft_rt::AsyncRuntime;
    /// use std::{future::pending, time::Duration};
    /// let time = Duration::from_millis(1);
    /// let late = async { NestlingRuntime::timeout(time, pending::<()>()).await };
    /// assert_eq!(nestling::block_on(late).unwrap_err().to_string(), "the deadline passed");
    /// ```
    #[derive(Debug)]
    pub struct Timeout<F> {
        #[pin]
        pub(crate) future: F,
        #[pin]
        pub(crate) sleep: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.future.poll(cx) {
            return Poll::Ready(Ok(value));
        }
        this.sleep.poll(cx).map(|()| Err(Elapsed))
    }
}

/// A deadline passed before its future had resolved.
///
/// # Examples
///
/// ```
/// assert_eq!(nestling_openraft::Elapsed.to_string(), "the deadline passed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the deadline passed")
    }
}

impl Error for Elapsed {}
