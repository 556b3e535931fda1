//! Nurseries: the lifetime of every task is bound to a scope of the program text.
//!
//! **After a cancel, the await you are in may fail once; the next one does not return.**
//! **When `nursery` has returned, all its children have ended, and the kernel is done too.**
//!
//! ```
//! use nestling_nursery::nursery;
//!
//! # fn main() -> std::io::Result<()> {
//! nestling_runtime::block_on(async {
//!     let words = ["one", "two"];
//!     let total = nursery(async |n| {
//!         let first = n.spawn(async { Ok(words[0].len()) }); // borrows from around the nursery
//!         let second = n.spawn(async { Ok(words[1].len()) });
//!         Ok::<_, std::io::Error>(first.await? + second.await?)
//!     })
//!     .await?;
//!     assert_eq!(total, 6);
//!     Ok(())
//! })
//! # }
//! ```
//!
//! The first child that fails cancels its siblings: what they have in flight is cancelled in the
//! kernel, each is polled once more with the answer, and dropped at its next wait. `nursery`
//! returns the failure when all of that is over.
//!
//! This crate is policy only. It sees the runtime through `nestling_runtime::lowlevel`.

mod cancelled;
mod canceller;
mod child_output;
mod daemons;
mod failures;
mod finally;
mod for_each_limit;
mod join_handle;
mod ledger;

#[expect(unsafe_code, reason = "children may borrow, by the promise that they never outlive it")]
mod nursery;
mod options;
mod race;
mod shield;
mod slots;
mod spawn;
mod start;
mod supervised;
mod timeout;

pub use cancelled::cancelled;
pub use canceller::{Canceller, RemoteCanceller};
pub use child_output::{ChildOutput, Never};
pub use failures::Failures;
pub use finally::finally;
pub use for_each_limit::for_each_limit;
pub use join_handle::JoinHandle;
pub use nursery::{Nursery, nursery, nursery_all, nursery_with};
pub use options::Options;
pub use race::race;
pub use shield::{shield, shield_for};
pub use spawn::Slot;
pub use start::{Start, Started};
pub use supervised::{JoinError, Supervised};
pub use timeout::{Elapsed, timeout, timeout_at};
