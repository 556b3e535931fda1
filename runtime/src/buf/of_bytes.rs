//! The buffers of the crate `bytes`, which other crates hand on.
//!
//! ```
//! use bytes::{Bytes, BytesMut};
//! use nestling_runtime::io::{AsyncRead, AsyncWrite};
//!
//! # fn main() -> std::io::Result<()> {
//! nestling_runtime::block_on(async {
//!     let mut sink = Vec::new();
//!     sink.write_all(Bytes::from("hello, world").split_off(7)).await.0?;
//!     let (result, buffer) = (&sink[..]).read(BytesMut::with_capacity(64)).await;
//!     assert_eq!((result?, buffer.freeze()), (5, Bytes::from("world")));
//!     Ok(())
//! })
//! # }
//! ```

use super::{IoBuf, IoBufMut};
use bytes::{Bytes, BytesMut};

// SAFETY: the bytes are static, or on the heap and counted; they cannot be changed while they are
// shared, and neither moving nor leaking the handle touches them. What owns them in place of
// `bytes` was moved to the heap before it was asked where they are.
unsafe impl IoBuf for Bytes {
    fn io_ptr(&self) -> *const u8 {
        self.as_ptr()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: the bytes live on the heap; neither moving nor leaking the handle touches them. Handles
// that were split off the same memory have other parts of it, also of what is not initialised.
unsafe impl IoBuf for BytesMut {
    fn io_ptr(&self) -> *const u8 {
        self.as_ptr()
    }

    fn io_len(&self) -> usize {
        self.len()
    }

    fn io_capacity(&self) -> usize {
        self.capacity()
    }
}

// SAFETY: the handle is the only one for its part of the memory; `set_init` raises its length.
unsafe impl IoBufMut for BytesMut {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    unsafe fn set_init(&mut self, n: usize) {
        if n > self.len() {
            // SAFETY: the caller promises that `n` bytes are initialised and within capacity.
            unsafe { self.set_len(n) }
        }
    }
}
