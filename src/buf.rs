//! Memory: what the kernel may own while an operation is in flight, and pools of buffers that are
//! lent to receives.
//!
//! With the feature `bytes`, `Bytes` and `BytesMut` of the crate `bytes` are buffers as well. The
//! former has a `slice` of its own, which shares the memory: where [`IoBuf`] is imported, call it
//! by its full name, `Bytes::slice(&bytes, range)`.

pub use nestling_runtime::buf::{AlignedBuf, BufResult, IoBuf, IoBufMut, Slice};
pub use nestling_runtime::pool::{FixedBuf, FixedPool, Lease, Pool};
