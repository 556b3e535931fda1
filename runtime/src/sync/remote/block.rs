//! `block`: awaits something on a thread that has no runtime.

use crate::inbox;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Sleeps until a future has its value.
#[track_caller]
pub(super) fn block<F: Future>(future: F) -> F::Output {
    assert!(
        inbox::current().is_none(),
        "a blocking call on a core of Nestling would stop all of its tasks: await instead"
    );
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        // `park` may return early, or because other code has unparked this thread.
        thread::park();
    }
}
