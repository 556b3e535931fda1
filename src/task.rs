//! What a task can do about its own running, and know of it.

pub use nestling_nursery::spawn_blocking;
pub use nestling_runtime::lowlevel::is_in_cancelled as cancel_called;
// The former name of `cancel_called`, which looks like that of `nestling::is_cancelled`.
#[doc(hidden)]
pub use nestling_runtime::lowlevel::is_in_cancelled as is_cancelled;
pub use nestling_runtime::{TaskLocal, checkpoint, consume_budget, poll_proceed, yield_now};
