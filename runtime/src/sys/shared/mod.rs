//! What threads share, in two makes: the real one, and under `cfg(loom)` that of a model checker.
//!
//! All that is above `sys` and `ring` is the same in both makes, so the models in `tests/models`
//! run the code that ships. The checker runs a model in every order of its threads, with every
//! value that a weakly ordered load may see. `Arc` is std's in both: its count is not checked.

#[cfg(loom)]
pub(crate) mod kernel;
#[cfg(loom)]
mod modelled;
#[cfg(not(loom))]
mod real;

#[cfg(loom)]
pub(crate) use kernel::EventFd;
#[cfg(loom)]
pub(crate) use modelled::{AtomicBool, AtomicU8, AtomicUsize, Mutex, Queue, fence};
#[cfg(not(loom))]
pub(crate) use real::{AtomicBool, AtomicU8, AtomicUsize, EventFd, Mutex, Queue, fence};
