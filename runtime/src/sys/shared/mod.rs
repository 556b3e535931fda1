//! What threads share, in three makes: the real one; under `cfg(loom)` that of a model checker; and
//! the real one without a kernel under `cfg(miri)`.
//!
//! All that is above `sys` and `ring` is the same in all makes, so the models in `tests/models` run
//! the code that ships, and so does Miri. The checker runs a model in every order of its threads,
//! with every value that a weakly ordered load may see. `Arc` is std's in all: its count is not
//! checked.

#[cfg(any(test, loom, miri))]
pub(crate) mod kernel;
#[cfg(loom)]
mod modelled;
#[cfg(not(loom))]
mod real;

#[cfg(not(any(test, loom, miri)))]
pub(crate) use crate::sys::eventfd::EventFd;
#[cfg(any(test, loom, miri))]
pub(crate) use kernel::EventFd;
#[cfg(loom)]
pub(crate) use modelled::{AtomicBool, AtomicU8, AtomicUsize, Mutex, MutexGuard, Queue, fence};
#[cfg(not(loom))]
pub(crate) use real::{AtomicBool, AtomicU8, AtomicUsize, Mutex, MutexGuard, Queue, fence};
