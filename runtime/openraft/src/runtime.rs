//! `NestlingRuntime`: what openraft asks of a runtime.

use crate::adopt::{adopt, spawn};
use crate::join::{JoinError, JoinHandle};
use crate::timeout::{Elapsed, Timeout};
use futures_channel::oneshot;
use futures_util::FutureExt;
use nestling::Runtime;
use nestling::time::{Sleep, sleep};
use openraft_rt::AsyncRuntime;
use openraft_rt_tokio::{TokioMpsc, TokioMutex, TokioOneshot, TokioWatch};
use rand::rngs::ThreadRng;
use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

/// openraft's `AsyncRuntime`, on the core that polls. A program runs a Raft inside of
/// [`adopt`]; a value of this type is a runtime of one core, as openraft's tests make it.
///
/// # Examples
///
/// See [the crate](crate).
#[derive(Debug)]
pub struct NestlingRuntime(Runtime);

impl AsyncRuntime for NestlingRuntime {
    type JoinError = JoinError;
    type JoinHandle<T: 'static> = JoinHandle<T>;
    type Sleep = Sleep;
    type Instant = Instant;
    type TimeoutError = Elapsed;
    type Timeout<R, T: Future<Output = R>> = Timeout<T>;
    type ThreadLocalRng = ThreadRng;
    // Nothing of these asks for a runtime: they only wake.
    type Mpsc = TokioMpsc;
    type Watch = TokioWatch;
    type Oneshot = TokioOneshot;
    type Mutex<T: 'static> = TokioMutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + 'static,
        T::Output: 'static,
    {
        let (tell, told) = oneshot::channel();
        spawn(async move {
            // A panic is for the handle, not for the nursery. If that is gone, nothing hears of it
            // but the panic hook.
            let _ = tell.send(AssertUnwindSafe(future).catch_unwind().await);
        });
        JoinHandle(told)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        sleep(deadline.saturating_duration_since(Instant::now()))
    }

    fn timeout<R, F: Future<Output = R>>(duration: Duration, future: F) -> Self::Timeout<R, F> {
        Timeout { future, sleep: sleep(duration) }
    }

    fn timeout_at<R, F: Future<Output = R>>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        Timeout { future, sleep: Self::sleep_until(deadline) }
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        matches!(join_error, JoinError::Panicked(_))
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        rand::rng()
    }

    /// A runtime of one core: `threads` is not looked at.
    ///
    /// # Panics
    ///
    /// The machine lacks what a runtime needs.
    fn new(_threads: usize) -> Self {
        let built = Runtime::builder().build();
        Self(built.unwrap_or_else(|error| panic!("the runtime could not be built: {error}")))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(adopt(async || future.await))
    }

    /// A call on one of Nestling's threads for that, by way of a child, because the future of such
    /// a call stays on its core.
    fn spawn_blocking<F, T>(f: F) -> impl Future<Output = Result<T, io::Error>> + Send
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        spawn(async move {
            let called = nestling::task::spawn_blocking(f).await;
            let _ = tell.send(called.map_err(io::Error::from));
        });
        async {
            let gone = |_| io::Error::other("the call was cancelled with its nursery");
            told.await.map_err(gone)?
        }
    }
}
