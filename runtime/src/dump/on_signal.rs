//! `dump_tree_on_signal`: a task that prints its core's tree whenever a signal comes.

use super::dump_tree;
use crate::signal::signals;
use std::convert::Infallible;
use std::io::{self, Write};

/// Prints the [tree](dump_tree) of this core to the standard error whenever `signal` arrives, also
/// while the core sleeps; on several cores each prints its own. Never ends by itself.
///
/// This is a future, not a setting, so that the task that waits for the signal belongs to a nursery
/// like any other: spawn it where it shall end with the rest, and it is in the tree itself. A core
/// whose task does not let go cannot print: the signal is seen when it does. The core itself
/// prints, without another thread; a full pipe holds the core until the other end reads.
///
/// From the first call on the signal no longer does to the process what it did by default.
///
/// # Cancellation
///
/// Ends at once. The process goes on ignoring the signal.
///
/// # Errors
///
/// The signal cannot be handled (such as `SIGKILL`), no descriptors are left, or it was cancelled.
///
/// # Examples
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::{block_on, inspect::dump_tree_on_signal};
///
/// // A server spawns it into its nursery, as a daemon. Now try: kill -USR1 PID
/// let never = block_on(dump_tree_on_signal(libc::SIGUSR1))?;
/// # match never {}
/// # }
/// ```
pub async fn dump_tree_on_signal(signal: i32) -> io::Result<Infallible> {
    let mut signals = signals([signal])?;
    loop {
        signals.next().await?;
        // In one piece: other cores print at the same time. An error is ignored.
        let _ = io::stderr().write_all(format!("{}\n", dump_tree()).as_bytes());
    }
}
