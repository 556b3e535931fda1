//! Processes as parts of nurseries: what is started below a nursery has ended, and is reaped, when
//! that returns.
//!
//! ```text
//!   Command::spawn ─▶ a blocking thread: fork, exec ─▶ Running: two entries in the table
//!                                                        │   │
//!      cancel of its scope, drop of its Child ─▶ stop ◀──┘   └─▶ a poll of its descriptor
//!                          SIGTERM, after a grace SIGKILL             │ it has ended
//!                                                                     ▼
//!                                              reaped; waits answer; its scope lets go of it
//! ```
//!
//! A process is offloaded work of the scope that it was started in. A [`Child`] may leave that
//! scope, for example as the value of a `timeout`: then the scope around has the process.
//!
//! No signal handler and no thread is needed: the kernel tells the ring of the end, by the
//! process's descriptor (pidfd_open(2)), which cannot come to stand for another process.

mod child;
mod command;
mod output;
mod running;
mod spawning;
mod wait;

pub use child::Child;
pub use command::Command;
pub use std::process::{ExitStatus, Output, Stdio};
