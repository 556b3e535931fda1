//! Buffers that the kernel may own while an operation is in flight.

mod io_buf;
mod slice;

pub use io_buf::{IoBuf, IoBufMut};
pub use slice::Slice;

pub(crate) use io_buf::fill;

/// What an operation gives back: its result, and the buffer that it had borrowed from you.
pub type BufResult<T, B> = (std::io::Result<T>, B);
