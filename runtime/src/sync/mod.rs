//! Channels and locks between the tasks of one core: fair, cancel-safe, without atomics.
//!
//! | | |
//! |---|---|
//! | [`channel()`], [`unbounded`] | many messages, from many senders |
//! | [`oneshot()`] | one message |
//! | [`Semaphore`] | so many at a time |
//! | [`Mutex`], [`RwLock`] | a value across awaits |
//! | [`Notify`] | something has changed |
//! | [`Barrier`] | all wait for the last |
//!
//! In all of them the task that waits longest is served first, and a waiter that is cut (a
//! cancelled child, a timeout, the loser of a `select!`) neither keeps nor loses what it was
//! handed. A waiter that is cancelled is handed nothing more: it is passed over. They need no
//! runtime and work with any waker, and none of them can be sent to another core. What can is in
//! [`remote`].
//!
//! What is there already is had at once while the budget of the turn lasts. Then the await suspends
//! once, in its place in the line, so that a loop over these does not keep the core to itself.
//!
//! # Why they are our own
//!
//! A foreign future cannot know that it runs in a cancelled scope. There its first poll would take
//! a permit or a message to which the code has no right any more, and a loop around it would go on
//! for as long as there is something to take; ours do not return (rule 7 of the nurseries). And it
//! can keep a task only by cloning its `Waker`, which for us is an allocation with atomic counts
//! for each wait; ours keep the task's number.
//!
//! Nor does a crate without atomics offer all of this list: `async-unsync` and `local-sync` have
//! channels and a semaphore, `futures-intrusive` no read-write lock or barrier, `unsync` channels
//! alone, and with `unsend` newcomers overtake. The well-kept ones that are complete
//! (`tokio::sync`, `async-lock` with `async-channel`) are built of atomics.

pub mod channel;
pub mod oneshot;
pub mod remote;

mod barrier;
mod mutex;
mod notify;
mod permit_queue;
mod permits;
mod queue;
mod rw_lock;
mod semaphore;
mod site;

pub use barrier::{Barrier, BarrierWaitResult};
pub use channel::{channel, unbounded};
pub use mutex::{Mutex, MutexGuard};
pub use notify::Notify;
pub use oneshot::oneshot;
pub use rw_lock::{ReadGuard, RwLock, WriteGuard};
pub use semaphore::{OwnedPermit, Permit, Semaphore};
