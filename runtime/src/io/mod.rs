//! Reading and writing: traits over owned buffers, and what is built on them.
//!
//! [`AsyncRead`] and [`AsyncWrite`] lend a buffer to the kernel and give it back with the result.
//! What reads and writes here is used through `&mut`; a socket can be used from several tasks, and
//! so `&TcpStream` reads and writes as well: one task has `&stream` for one direction, another one
//! for the other.

mod async_fd;
mod async_read;
mod async_write;
mod buf_reader;
mod buf_writer;
pub(crate) mod copy;
mod files;
mod memory;
mod pipes;
mod send_file;
mod sockets;
mod splice;

pub use crate::buf::{Transferred, transferred};
pub use crate::pipe::{PipeReader, PipeWriter, Stderr, Stdin, Stdout, pipe, stderr, stdin, stdout};
pub use crate::ring::Interest;
pub use async_fd::AsyncFd;
pub use async_read::AsyncRead;
pub use async_write::AsyncWrite;
pub use buf_reader::{BufReader, Lines};
pub use buf_writer::BufWriter;
pub use copy::{copy, copy_with};
pub(crate) use pipes::Pipes;
pub use send_file::send_file;

/// The buffer of a [`BufReader`] or a [`BufWriter`], in bytes, unless it is said otherwise.
const BUFFER: usize = 8 << 10;
