//! `grace`: work that hears of a stop, and has some time left from then on.

use crate::timeout::{Elapsed, until};
use nestling_runtime::lowlevel::{
    Notify, Shield, Surrounding, TaskLocal, current_reason, poll_begin, sleep,
};
use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

/// The grace around the code that asks, if there is one.
static AROUND: TaskLocal<Stop> = TaskLocal::new();

/// Runs `f` on after the task is cancelled, for at most `duration` from the moment of the cancel:
/// the way to serve for ever, and to end in an orderly way when that is asked for. `f` hears of the
/// cancel by its argument; its operations and nurseries are not cancelled before the time is up.
///
/// ```text
///   grace(5 s, f) ──── f runs, however long ────┬── cancel ──┬── f has 5 s left ──┬── f is cut
///                                               │            │                    │
///                                               └─ stop.requested() resolves      └─ Err(Elapsed)
/// ```
///
/// In a task that is cancelled already the time counts from the call. A grace inside another one
/// hears of the stop in the same moment as the outer one, and has its own time from then on: like a
/// shield, it is not cut by what surrounds it.
///
/// # Cancellation
///
/// `f` is cancelled when the time is up, by the rules of [`timeout`](crate::timeout). After the
/// grace, the next wait of the cancelled task is its end. For the rest a grace is a
/// [`shield`](crate::shield): dropped early, set aside or forgotten, it does not keep the task.
///
/// # Errors
///
/// [`Elapsed`] if `f` was cut when its time was up.
///
/// # Panics
///
/// With the panic of `f`; outside a runtime.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{grace, io::nursery};
/// use nestling_runtime::time::sleep;
/// use std::{cell::Cell, time::Duration};
///
/// let said = Cell::new("nothing");
/// let result = nestling_runtime::block_on(nursery(async |n| {
///     n.spawn(async {
///         let ended = grace(Duration::from_secs(5), async |stop| {
///             stop.requested().await;
///             sleep(Duration::from_millis(1)).await; // work that needs the runtime still
///             said.set("goodbye");
///         });
///         _ = ended.await;
///     });
///     nestling_runtime::yield_now().await;
///     n.cancel();
///     Ok(())
/// }));
/// assert!(result.is_ok());
/// assert_eq!(said.get(), "goodbye");
/// ```
pub async fn grace<T, F>(duration: Duration, f: F) -> Result<T, Elapsed>
where
    F: AsyncFnOnce(&Stop) -> T,
{
    // In a cancelled task that loops over graces, one of them does not begin any more.
    poll_fn(|cx| poll_begin(cx)).await;
    let mut surrounding = Surrounding::default();
    let stop = Stop::default();
    let around = AROUND.get();
    let mut heard = pin!(async {
        match around {
            Some(stop) => stop.requested().await,
            None => pending().await,
        }
    });
    let mut shield = None;
    let mut rest = pin!(until(
        async {
            stop.requested().await;
            sleep(duration).await;
        },
        AROUND.scope(stop.clone(), f(&stop)),
    ));
    poll_fn(|cx| {
        surrounding.poll(cx, |cx| {
            // After the cancel the shield has this be polled, also in a foreign combinator.
            let is_cancelled = current_reason().is_some();
            if !stop.is_requested() && (is_cancelled || heard.as_mut().poll(cx).is_ready()) {
                stop.request();
            }
            shield.get_or_insert_with(Shield::new).poll(rest.as_mut(), cx)
        })
    })
    .await
}

/// Whether the code around a [`grace`] was cancelled, for the code inside. Clones are the same.
///
/// # Examples
///
/// ```
/// use nestling_nursery::{Stop, grace};
/// use std::time::Duration;
///
/// nestling_runtime::block_on(async {
///     let ended = grace(Duration::from_secs(1), async |stop: &Stop| stop.is_requested());
///     assert_eq!(ended.await, Ok(false));
/// });
/// ```
#[derive(Debug, Clone, Default)]
pub struct Stop(Rc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    requested: Cell<bool>,
    changed: Notify,
}

impl Stop {
    /// Resolves when the code around the grace is cancelled; at once, if it was cancelled before.
    ///
    /// # Cancellation
    ///
    /// A drop point.
    pub async fn requested(&self) {
        while !self.is_requested() {
            self.0.changed.notified().await;
        }
    }

    /// Whether the code around the grace was cancelled.
    pub fn is_requested(&self) -> bool {
        self.0.requested.get()
    }

    fn request(&self) {
        self.0.requested.set(true);
        self.0.changed.notify_all();
    }
}
