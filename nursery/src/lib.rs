//! Nurseries: the lifetime of every task is bound to a scope of the program text.
//!
//! This crate is policy only. It sees the runtime through `nestling_runtime::lowlevel`.
#![doc = ""]
#![doc = include_str!("guide.md")]

mod cancelled;
mod canceller;
mod child_output;
mod copy_bidirectional;
mod daemons;
mod failures;
mod finally;
mod for_each_limit;
mod grace;
#[cfg(feature = "hyper")]
mod hyper;
pub mod io;
mod join_handle;
mod ledger;
mod limit;

#[expect(unsafe_code, reason = "children may borrow, by the promise that they never outlive it")]
mod nursery;
mod options;
mod race;
mod serve;
mod serve_balanced;
mod shield;
mod spawn;
mod spawn_blocking;
mod spawn_on;
mod spawner;
mod start;
mod supervised;
mod timeout;

pub use cancelled::cancelled;
pub use canceller::{Canceller, RemoteCanceller};
pub use child_output::{ChildOutput, Never};
pub use failures::Failures;
pub use finally::finally;
pub use for_each_limit::for_each_limit;
pub use grace::{Stop, grace};
pub use join_handle::JoinHandle;
pub use limit::{Limit, Permit};
pub use nursery::{Nursery, nursery, nursery_all, nursery_all_with, nursery_with};
pub use options::Options;
pub use race::race;
pub use serve::{Serve, serve};
pub use serve_balanced::serve_balanced;
pub use shield::{shield, shield_for};
pub use spawn::Slot;
pub use spawn_blocking::spawn_blocking;
pub use spawner::Spawner;
pub use start::{Start, Started};
pub use supervised::{JoinError, Supervised};
pub use timeout::{Elapsed, timeout, timeout_at};
