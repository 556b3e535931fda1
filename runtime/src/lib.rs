//! One core of Nestling: a ring to the kernel, what is in flight on it, and the loop that drives
//! both.
//!
//! ```text
//!        down: asking                             up: answering
//!
//!     user future .await                            user future
//!          |                                             ^  poll, inside its nursery
//!          v                                             |
//!     net/  fs/  time/                              children/  task/
//!          |  builds an operation                        ^  next
//!          v                                             |
//!     op/       Op<T>: request, complete            wake/   ready lists
//!          |  submit                                     ^  wake
//!          v                                             |
//!     driver/   InFlight, Lifecycle   ---- Waiter -------+
//!          |  push            ^  dispatch
//!          v                  |
//!     ring/   submission    completion
//!          |                  ^
//!   =======|==================|=================  kernel
//!          +--- one enter ----+
//!
//!     event_loop.rs goes round: it polls ready tasks, submits and waits, dispatches.
//!     scope/ says what is cancelled; cancel.rs tells both columns of a cancel.
//!     inbox/ has what other threads ask of the core.
//!     context.rs has what a thread keeps for all these modules: a core is one value.
//! ```
//!
//! Applications use the crate `nestling`, which adds the nurseries. This one starts no tasks of its
//! own: [`block_on`] runs one future, and [`lowlevel`] has what nurseries are built from.

#[macro_use]
#[cfg(loom)]
mod loom_thread_local;

#[expect(unsafe_code, reason = "system calls that no crate offers")]
mod sys;

mod config;
mod context;
mod counters;
mod fd;
mod key;
mod label;

#[expect(unsafe_code, reason = "what memory may be lent to the kernel is a promise")]
pub mod buf;

mod diagnosis;
mod table;
mod tree;

mod instrument;

mod inbox;

#[expect(unsafe_code, reason = "a lent waker is a pointer to the poll's stack")]
mod wake;

mod scope;

mod stall;

#[expect(unsafe_code, reason = "the kernel's interface")]
mod ring;

#[expect(unsafe_code, reason = "pushing entries with pointers, whose owner it is")]
mod driver;
#[expect(unsafe_code, reason = "a child's future and value in one allocation, without their types")]
mod task;

#[expect(unsafe_code, reason = "buffers in one memory, which the kernel and leases share out")]
pub mod pool;

#[expect(unsafe_code, reason = "entries with pointers, descriptors out of numbers")]
mod op;

mod adoption;
mod blocking;
mod cancel;
mod check;
pub mod sync;
pub mod time;
mod trim;
mod yield_now;

#[expect(unsafe_code, reason = "children that borrow are polled by the promise of their nursery")]
mod children;
#[cfg(feature = "chrome-trace")]
mod chrome_trace;
mod dump;
pub mod fs;
pub mod net;
mod shield;
pub mod signal;
mod task_local;
mod until_cancelled;

mod pipe;
#[expect(unsafe_code, reason = "code between fork and exec is the caller's promise")]
pub mod process;

pub mod io;

#[cfg(feature = "console")]
mod console;
#[cfg(feature = "futures-io")]
mod futures_io;
#[expect(unsafe_code, reason = "hyper lends memory that is not initialised")]
#[cfg(feature = "hyper")]
pub mod hyper;
#[expect(unsafe_code, reason = "tokio lends memory that is not initialised")]
#[cfg(feature = "tokio-io")]
mod tokio_io;

mod event_loop;
pub mod metrics;
#[expect(unsafe_code, reason = "children that borrow nothing need no promise")]
mod remote_children;
#[cfg(feature = "tracing")]
mod spans;

mod runtime;

mod cores;

pub mod doctor;
#[doc(hidden)]
pub mod entry;

pub mod inspect;
pub mod lowlevel;

pub use cores::{Builder, Core, Cores};
pub use counters::Stats;
pub use doctor::doctor;
pub use dump::dump_tree;
pub use runtime::{Runtime, block_on, stats};
pub use scope::{Cancelled, is_cancelled};
pub use task_local::TaskLocal;
pub use yield_now::{checkpoint, consume_budget, poll_proceed, yield_now};

#[expect(unsafe_code, reason = "operations and memory that misbehave on purpose")]
#[cfg(test)]
mod tests;
