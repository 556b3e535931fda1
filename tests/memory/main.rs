//! What the process holds after a peak, and after its threads: nothing that it does not use. And
//! what it allocates in the steady state: nothing.
//!
//! The allocator of this program counts the bytes of the whole process, so its tests run one at a
//! time.

mod allocations;
mod bursts;
#[path = "../support/counting.rs"]
mod counting;
mod ended;
mod nurseries;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;

use support::alone;
