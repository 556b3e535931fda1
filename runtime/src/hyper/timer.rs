//! `Timer`: the clock of the core, as hyper wants one.

use crate::time;
use ::hyper::rt;
use send_wrapper::SendWrapper;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// The clock of the core, for hyper's timeouts: of headers, of idle connections, of pings.
///
/// A connection stays on its core, and so do the sleeps that it has from here: elsewhere they
/// panic.
///
/// # Examples
///
/// ```
/// use hyper::rt::Timer as _;
/// use nestling_runtime::hyper::Timer;
/// use std::time::{Duration, Instant};
///
/// // A server is given it by `http1::Builder::new().timer(Timer)`.
/// let start = Instant::now();
/// nestling_runtime::block_on(Timer.sleep(Duration::from_millis(1)));
/// assert!(start.elapsed() >= Duration::from_millis(1));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Timer;

/// A sleep that says it may be sent, as hyper asks; where it is not, it is not used either.
struct Sleep(SendWrapper<time::Sleep>);

impl Sleep {
    fn until(deadline: Instant) -> Self {
        // The two clocks are the same, but neither shows its number.
        let left = deadline.saturating_duration_since(Instant::now());
        Self(SendWrapper::new(time::sleep(left)))
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut *self.0).poll(cx)
    }
}

impl rt::Sleep for Sleep {}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sleep").finish_non_exhaustive()
    }
}

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep(SendWrapper::new(time::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Sleep::until(deadline))
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn rt::Sleep>>, deadline: Instant) {
        match sleep.as_mut().downcast_mut_pin::<Sleep>() {
            Some(mut ours) => ours.set(Sleep::until(deadline)),
            None => *sleep = self.sleep_until(deadline),
        }
    }
}
