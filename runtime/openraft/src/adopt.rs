//! `adopt`: a nursery for tasks that are spawned without one.

use nestling::sync::channel::UnboundedSender;
use nestling::sync::unbounded;
use nestling::task::TaskLocal;
use nestling::{Never, io};
use std::future::{Future, pending};
use std::pin::Pin;

/// A task on its way to its nursery.
type Orphan = Pin<Box<dyn Future<Output = ()>>>;

/// Where the code around sends what it spawns.
static ADOPTS: TaskLocal<UnboundedSender<Orphan>> = TaskLocal::new();

/// Runs `f`, and what openraft spawns meanwhile as children of a nursery around it. When `f` has
/// ended, the children that are left are cancelled, and waited for: shut a Raft down before, if it
/// is to end in good order.
///
/// # Cancellation
///
/// Cancels `f` and the children. What is spawned after that is dropped.
///
/// # Panics
///
/// With the panic of `f`. Panics of the children are for their handles.
///
/// # Examples
///
/// See [the crate](crate).
pub async fn adopt<T>(f: impl AsyncFnOnce() -> T) -> T {
    let (sender, spawned) = unbounded();
    let nursery = io::nursery(async |n| {
        n.spawn_daemon(async move {
            while let Some(task) = spawned.recv().await {
                n.spawn(task);
            }
            pending::<std::io::Result<Never>>().await
        });
        let value = f().await;
        n.cancel();
        Ok(value)
    });
    match ADOPTS.scope(sender, nursery).await {
        Ok(value) => value,
        // `f` was cut by a cancel from around: this task's next wait is its end.
        Err(_) => pending().await,
    }
}

/// Sends a task to the nursery around.
///
/// # Panics
///
/// Outside of [`adopt`].
#[track_caller]
pub(crate) fn send(task: impl Future<Output = ()> + 'static) {
    let sent = ADOPTS.with(|adopts| adopts.send(Box::pin(task)));
    assert!(
        sent.is_some(),
        "openraft spawns a task where no nursery takes it: call `nestling_openraft::adopt` around \
         the code that uses openraft, on this core"
    );
    // A nursery that was cancelled takes nothing any more: the handle of the task says so.
}
