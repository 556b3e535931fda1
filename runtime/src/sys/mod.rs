//! The raw system calls that no crate offers, each behind a safe function.

mod clock;
mod error;
#[cfg(not(loom))]
mod eventfd;
mod fork;
mod limits;
pub(crate) mod shared;

pub(crate) use clock::{monotonic_ns, monotonic_tick_ns};
pub(crate) use error::check;
pub(crate) use fork::ForkGuard;
pub(crate) use limits::Limit;
