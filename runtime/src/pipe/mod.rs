//! Pipes and standard streams: bytes in one direction, between processes or within one.
//!
//! ```text
//!   PipeWriter          Sink       a pipe of the kernel's       Source       PipeReader
//!   Stdout, Stderr ─▶           ─▶ a terminal, a file        ─▶          ─▶ Stdin
//! ```
//!
//! The kernel is asked to read and to write, and waits by itself, without a thread. Terminals are
//! the exception: a write that one does not take at once stops the thread that submits it (seen on
//! 6.18), so a thread of the kernel's has it.

mod named;
mod reader;
mod sink;
mod source;
mod std_streams;
mod writer;

pub use reader::PipeReader;
pub use std_streams::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
pub use writer::{PipeWriter, pipe};
