//! `adopt`: a nursery for tasks that are spawned without one.
//!
//! openraft spawns by a function that has a future as its only argument. So the nursery is found by
//! way of a task-local, which has to be bound *around* the nursery: its children find it as well.

use nestling::task::TaskLocal;
use nestling::{Spawner, io};
use std::cell::OnceCell;
use std::future::{Future, pending};

/// The nursery around, from the first poll of its body on.
static AROUND: TaskLocal<OnceCell<Spawner>> = TaskLocal::new();

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
    let nursery = io::nursery(async |n| {
        AROUND.with(|around| around.set(n.spawner()).is_ok());
        // openraft's futures are deep, and what is around them would have them in its own type,
        // until the compiler's limit: a box ends that.
        let value = Box::pin(f()).await;
        n.cancel();
        Ok(value)
    });
    match AROUND.scope(OnceCell::new(), nursery).await {
        Ok(value) => value,
        // `f` was cut by a cancel from around: this task's next wait is its end.
        Err(_) => pending().await,
    }
}

/// Starts a task in the nursery around. A nursery that is cancelled takes nothing any more, and the
/// task is dropped: its handle says so.
///
/// # Panics
///
/// Outside of [`adopt`].
#[track_caller]
pub(crate) fn spawn(task: impl Future<Output = ()> + 'static) {
    let Some(around) = AROUND.with(|around| around.get().cloned()).flatten() else {
        panic!(
            "openraft spawns a task where no nursery takes it: call `nestling_openraft::adopt` \
             around the code that uses openraft, on this core"
        )
    };
    drop(around.spawn(task));
}
