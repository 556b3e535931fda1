//! Time: sleeping until an instant, for a while, or at regular intervals.
//!
//! Timers are entries in the driver's list of deadlines, not kernel operations: arming one costs
//! no system call, and the soonest bounds how long the core sleeps in its next `enter`.

mod instant;
mod interval;
pub(crate) mod sleep;

pub use instant::Instant;
pub use interval::{Interval, interval};
pub use sleep::{Sleep, sleep, sleep_until};
