//! What the process holds after a peak, and after its threads: nothing that it does not use.
//!
//! The allocator of this program counts the bytes of the whole process, so its tests run one at a
//! time.

mod bursts;
#[path = "../support/counting.rs"]
mod counting;
mod ended;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "not every binary uses all of it")]
mod support;

use std::sync::{Mutex, PoisonError};

/// Runs a test while no other one does.
fn alone<T>(test: impl FnOnce() -> T) -> T {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    support::watched(test)
}
