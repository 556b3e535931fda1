//! `IoBuf` and `IoBufMut`: memory that can be lent to the kernel.

use super::Slice;
use std::ops::RangeBounds;
use std::rc::Rc;
use std::sync::Arc;

/// Memory that the kernel may read while it owns the buffer.
///
/// # Safety
///
/// From the moment a buffer is given to an operation until it comes back, `io_ptr` must name at
/// least `io_len` initialised bytes, at an address that does not change when the buffer value is
/// moved, and that stays valid when the value is leaked. An inline array does not qualify. Length
/// and capacity do not shrink while only the operation, or a [`Slice`], has the buffer.
///
/// # Examples
///
/// ```
/// use nestling_runtime::buf::IoBuf;
/// let greeting = "hello, world".to_owned().slice(7..);
/// assert_eq!(greeting.as_bytes(), b"world");
/// ```
#[expect(unsafe_code, reason = "the kernel relies on the promise")]
pub unsafe trait IoBuf: 'static {
    /// Where the bytes start.
    fn io_ptr(&self) -> *const u8;

    /// How many bytes are initialised, and so can be sent.
    fn io_len(&self) -> usize;

    /// The initialised bytes.
    fn as_bytes(&self) -> &[u8] {
        // SAFETY: the trait's contract: `io_len` initialised bytes at `io_ptr`, valid while `self`
        // is borrowed.
        unsafe { std::slice::from_raw_parts(self.io_ptr(), self.io_len()) }
    }

    /// A part of this buffer, to be lent in its place. `into_inner` gives the whole back.
    ///
    /// # Panics
    ///
    /// When the range starts after its end or after the buffer's capacity.
    fn slice(self, range: impl RangeBounds<usize>) -> Slice<Self>
    where
        Self: Sized,
    {
        Slice::new(self, range)
    }

    /// How many bytes the memory holds, initialised or not.
    fn io_capacity(&self) -> usize {
        self.io_len()
    }
}

/// Memory that the kernel may write while it owns the buffer.
///
/// # Safety
///
/// Beyond the promise of [`IoBuf`]: `io_ptr_mut` names `io_capacity` writable bytes that nothing
/// else reads or writes meanwhile, and after `set_init(n)`, `io_len` is at least `n`.
///
/// # Examples
///
/// ```
/// use nestling_runtime::buf::{IoBuf, IoBufMut};
/// let buffer = Vec::<u8>::with_capacity(4096);
/// assert_eq!((buffer.io_len(), buffer.io_capacity()), (0, 4096));
/// ```
#[expect(unsafe_code, reason = "the kernel relies on the promise")]
pub unsafe trait IoBufMut: IoBuf {
    /// Where the kernel may write.
    fn io_ptr_mut(&mut self) -> *mut u8;

    /// How many bytes [`read_exact`](crate::net::TcpStream::read_exact) fills: the length, if there
    /// is one, else the capacity. So `vec![0; 5]` asks for five bytes, although the vector may have
    /// room for more, and `Vec::with_capacity(5)` for all that it has room for. Of a
    /// [`slice`](IoBuf::slice) with an end: what is between its ends, initialised or not.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::buf::{IoBuf, IoBufMut};
    /// let mut grown = vec![0; 5];
    /// grown.reserve(4096);
    /// assert_eq!(grown.io_exact(), 5);
    /// assert_eq!(grown.slice(5..100).io_exact(), 95);
    /// ```
    fn io_exact(&self) -> usize {
        if self.io_len() > 0 { self.io_len() } else { self.io_capacity() }
    }

    /// Records that the first `n` bytes are initialised. Never shortens the buffer.
    ///
    /// # Safety
    ///
    /// The first `n` bytes are initialised, and `n` is at most [`io_capacity`](IoBuf::io_capacity).
    unsafe fn set_init(&mut self, n: usize);
}

/// Copies bytes to a place in the buffer that nothing uninitialised comes before; says how many
/// there was room for.
pub(crate) fn fill(buffer: &mut impl IoBufMut, at: usize, bytes: &[u8]) -> usize {
    let room = buffer.io_capacity().saturating_sub(at);
    assert!(at <= buffer.io_len(), "no hole is left before the bytes");
    let length = bytes.len().min(room);
    let start = buffer.io_ptr_mut().wrapping_add(at);
    // SAFETY: the buffer is writable up to its capacity, and nothing else reaches it.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start, length) };
    // SAFETY: these were written just now; those before them were initialised.
    unsafe { buffer.set_init(at + length) };
    length
}

// SAFETY: a vector's bytes live on the heap; moving or leaking the vector does not touch them.
unsafe impl IoBuf for Vec<u8> {
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

// SAFETY: the vector is owned, so nothing else reaches its bytes; `set_init` raises its length.
unsafe impl IoBufMut for Vec<u8> {
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

// SAFETY: a boxed slice's bytes live on the heap; moving or leaking the box does not touch them.
unsafe impl IoBuf for Box<[u8]> {
    fn io_ptr(&self) -> *const u8 {
        self.as_ptr()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

// SAFETY: the box is owned, so nothing else reaches its bytes; they are always initialised.
unsafe impl IoBufMut for Box<[u8]> {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.as_mut_ptr()
    }

    unsafe fn set_init(&mut self, _: usize) {}
}

/// The read-only buffers: a pointer, a length, and nothing that could move them.
macro_rules! read_only {
    ($($buffer:ty: $why:literal),+ $(,)?) => {$(
        #[doc = $why]
        // SAFETY: the reason is in the table below, one for each type.
        unsafe impl IoBuf for $buffer {
            fn io_ptr(&self) -> *const u8 {
                self.as_ptr()
            }

            fn io_len(&self) -> usize {
                self.len()
            }
        }
    )+};
}

read_only! {
    &'static [u8]: "Static bytes never move and are never freed.",
    &'static str: "Static bytes never move and are never freed.",
    String: "A string's bytes live on the heap; moving or leaking the string does not touch them.",
    Rc<[u8]>: "Shared bytes live on the heap and cannot be changed while they are shared.",
    Arc<[u8]>: "Shared bytes live on the heap and cannot be changed while they are shared.",
}
