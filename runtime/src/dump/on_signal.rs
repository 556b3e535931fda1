//! `dump_tree_on_signal`: a task that prints its core's tree whenever a signal comes.

use super::dump_tree;
use crate::fd::SharedFd;
use crate::op::Recv;
use signal_hook::SigId;
use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level::{pipe, unregister};
use std::convert::Infallible;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

/// What a signal writes into: a byte each, of which many may wait. What does not fit is a signal
/// that came together with others.
const BYTES: usize = 64;

/// Prints the [tree](dump_tree) of this core to the standard error whenever `signal` arrives, also
/// while the core sleeps; on several cores each prints its own. Never ends by itself.
///
/// It is a future, not a setting, so that the task that waits for the signal belongs to a nursery
/// like any other: spawn it where it shall end with the rest, and it is in the tree itself. A core
/// whose task does not let go cannot print: the signal is seen when it does.
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
    if FORBIDDEN.contains(&signal) {
        let text = format!("signal {signal} cannot be handled; take SIGUSR1, or another one");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let (ours, written) = UnixStream::pair()?;
    let _registered = Registered(pipe::register(signal, written)?);
    let signals = SharedFd::new(OwnedFd::from(ours));
    let mut buffer = vec![0; BYTES];
    loop {
        let (received, back) = Recv::new(signals.clone(), buffer, 0, false).await;
        buffer = back;
        received?;
        // In one piece: other cores print at the same time. Nobody is told when nobody reads.
        let _ = io::stderr().write_all(format!("{}\n", dump_tree()).as_bytes());
    }
}

/// The signal is handled. Ends when dropped.
#[derive(Debug)]
struct Registered(SigId);

impl Drop for Registered {
    fn drop(&mut self) {
        unregister(self.0);
    }
}
