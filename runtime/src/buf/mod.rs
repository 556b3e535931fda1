//! Buffers that the kernel may own while an operation is in flight.
//!
//! With the feature `bytes`, `Bytes` and `BytesMut` of the crate `bytes` are buffers as well. The
//! former has a `slice` of its own, which shares the memory: where [`IoBuf`] is imported, call it
//! by its full name, `Bytes::slice(&bytes, range)`.

mod aligned;
mod io_buf;
#[cfg(feature = "bytes")]
mod of_bytes;
mod slice;
mod transferred;

pub use aligned::AlignedBuf;
pub use io_buf::{IoBuf, IoBufMut};
pub use slice::Slice;
pub use transferred::{Transferred, transferred};

pub(crate) use io_buf::fill;

/// What an operation gives back: its result, and the buffer that it had borrowed from you.
pub type BufResult<T, B> = (std::io::Result<T>, B);
