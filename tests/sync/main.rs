//! Local channels and locks: fair, and a task that is cut neither keeps nor loses anything.
//!
//! | file | what it holds |
//! |---|---|
//! | one for each primitive | order, closing, what a waiter that is cut leaves behind |
//! | `cancelling.rs` | drop points: cancelled scopes, timeouts, children that are cut |
//! | `fair.rs`, `turn_over.rs` | turns that are over: who is next, and what an await keeps |
//! | `foreign.rs` | foreign combinators, and wakers and destructors that come back or panic |
//! | `many.rs` | a hundred thousand waiters |
//! | `passed_over.rs`, `passed_apart.rs` | what is handed over goes past those who are cancelled |
//! | `properties.rs` | random steps, each compared with a small sequential model |
//! | `stress.rs` | random children with timeouts, cut anywhere: nothing is lost or doubled |

mod barrier;
mod cancelling;
mod channel;
mod fair;
mod foreign;
mod many;
mod mutex;
mod notify;
mod oneshot;
mod passed_apart;
mod passed_over;
mod properties;
mod rw_lock;
mod semaphore;
mod stress;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod turn_over;
mod wait;

/// The channels that are tested here. `tests/remote` runs the same tests with those between
/// threads.
mod tested {
    pub(crate) use nestling::sync::{channel, oneshot, unbounded};
}
