//! `Wait`: a future that is polled by hand, with a waker that counts.

use crate::support::{Count, poll_counted};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// A future that was polled once and waits.
pub(crate) struct Wait<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    woken: Arc<Count>,
}

impl<'a, T> Wait<'a, T> {
    /// Polls a future for the first time: it has to wait.
    #[track_caller]
    pub(crate) fn new(future: impl Future<Output = T> + 'a) -> Self {
        let mut wait = Self { future: Box::pin(future), woken: Arc::default() };
        assert!(wait.poll().is_pending(), "it need not wait");
        wait
    }

    pub(crate) fn poll(&mut self) -> Poll<T> {
        poll_counted(self.future.as_mut(), &self.woken)
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.get() > 0
    }

    /// What the future returns, now that it was woken, and once.
    #[track_caller]
    pub(crate) fn done(mut self) -> T {
        assert_eq!(self.woken.get(), 1, "how often it was woken");
        let Poll::Ready(value) = self.poll() else { panic!("woken, but it waits on") };
        value
    }
}

/// The value of a future that need not wait.
#[track_caller]
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match poll_counted(future.as_mut(), &Arc::default()) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}
