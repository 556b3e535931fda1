//! `Slice`: a part of an owned buffer, lent in place of the whole.

use super::{IoBuf, IoBufMut};
use std::ops::{Bound, RangeBounds};

/// A range of an owned buffer. Made by [`IoBuf::slice`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::buf::IoBuf;
/// let part = vec![1u8, 2, 3, 4].slice(1..3);
/// assert_eq!(part.as_bytes(), [2, 3]);
/// assert_eq!(part.into_inner(), [1, 2, 3, 4]);
/// ```
#[derive(Debug)]
pub struct Slice<B> {
    buffer: B,
    begin: usize,
    end: usize,
    /// Whether the end was named; else it is that of the buffer.
    is_bounded: bool,
}

impl<B: IoBuf> Slice<B> {
    pub(crate) fn new(buffer: B, range: impl RangeBounds<usize>) -> Self {
        let begin = match range.start_bound() {
            Bound::Included(&n) => n,
            Bound::Excluded(&n) => n.checked_add(1).expect("a slice starts within memory"),
            Bound::Unbounded => 0,
        };
        let is_bounded = range.end_bound() != Bound::Unbounded;
        let end = match range.end_bound() {
            Bound::Included(&n) => n.checked_add(1).expect("a slice ends within memory"),
            Bound::Excluded(&n) => n,
            Bound::Unbounded => buffer.io_capacity(),
        };
        assert!(begin <= end, "slice starts at {begin} but ends at {end}");
        let (length, capacity) = (buffer.io_len(), buffer.io_capacity());
        assert!(end <= capacity, "slice ends at {end}, the buffer at {capacity}");
        // A hole of uninitialised bytes before the slice could never be closed by `set_init`.
        assert!(begin <= length, "slice starts at {begin}, beyond the {length} initialised bytes");
        Self { buffer, begin, end, is_bounded }
    }
}

impl<B> Slice<B> {
    /// The whole buffer.
    pub fn into_inner(self) -> B {
        self.buffer
    }

    /// The whole buffer, borrowed.
    pub fn get_ref(&self) -> &B {
        &self.buffer
    }
}

// SAFETY: the bytes are a range of `B`'s, whose promise covers them; `begin` was checked to be
// within the initialised ones, and buffers never shrink while they are owned here.
unsafe impl<B: IoBuf> IoBuf for Slice<B> {
    fn io_ptr(&self) -> *const u8 {
        self.buffer.io_ptr().wrapping_add(self.begin)
    }

    fn io_len(&self) -> usize {
        self.buffer.io_len().min(self.end).saturating_sub(self.begin)
    }

    fn io_capacity(&self) -> usize {
        self.end - self.begin
    }
}

// SAFETY: as above; `set_init(n)` of the slice initialises `begin + n` bytes of the whole, because
// `begin` bytes were initialised before.
unsafe impl<B: IoBufMut> IoBufMut for Slice<B> {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.buffer.io_ptr_mut().wrapping_add(self.begin)
    }

    fn io_exact(&self) -> usize {
        let left = self.buffer.io_exact().saturating_sub(self.begin);
        // Behind what the buffer asks for: all that it has room for.
        if self.is_bounded || left == 0 { self.io_capacity() } else { left }
    }

    unsafe fn set_init(&mut self, n: usize) {
        // SAFETY: the caller promises `n` initialised bytes from `begin` on, within the slice.
        unsafe { self.buffer.set_init(self.begin + n) }
    }
}
