//! Local channels and locks: fair, and whoever is cut neither keeps nor loses anything.
//!
//! | file | what it holds |
//! |---|---|
//! | one for each primitive | order, closing, what a waiter that is cut leaves behind |

mod barrier;
mod channel;
mod mutex;
mod notify;
mod oneshot;
mod rw_lock;
mod semaphore;
#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod support;
mod wait;
