//! `AlignedBuf`: memory that starts where a disk wants it, past the page cache.

use super::{IoBuf, IoBufMut};
use std::fmt;
use std::ops::Deref;

/// A buffer whose address is a multiple of a power of two, as files opened with
/// [`direct`](crate::fs::OpenOptions::direct) need it. It never grows. For many reads and writes,
/// the buffers of a [`FixedPool`](crate::pool::FixedPool) take less of the processor's time.
///
/// # Examples
///
/// ```
/// use nestling_runtime::buf::{AlignedBuf, IoBuf};
/// let mut buffer = AlignedBuf::new(8192, 4096);
/// assert_eq!(buffer.io_ptr() as usize % 4096, 0);
/// buffer.extend_from_slice(b"hello");
/// assert_eq!((&buffer[..], buffer.capacity()), (&b"hello"[..], 8192));
/// ```
pub struct AlignedBuf {
    /// Over-allocated; the bytes before `start` are zero and not used. A vector that does not grow
    /// stays where it is, so there is no need for an allocation by hand.
    memory: Vec<u8>,
    start: usize,
    capacity: usize,
}

impl AlignedBuf {
    /// An empty buffer that has room for so many bytes, at a multiple of `alignment`. 4096 serves
    /// every disk; [`Metadata::direct_alignment`](crate::fs::Metadata::direct_alignment) tells what
    /// a file asks for.
    ///
    /// # Panics
    ///
    /// When `alignment` is not a power of two, or there is no such memory.
    pub fn new(capacity: usize, alignment: usize) -> Self {
        assert!(alignment.is_power_of_two(), "an alignment of {alignment} is no power of two");
        let room = capacity.checked_add(alignment - 1).expect("a buffer within memory");
        let mut memory = Vec::<u8>::with_capacity(room);
        let address = memory.as_ptr().addr();
        let start = address.next_multiple_of(alignment) - address;
        memory.resize(start, 0);
        Self { memory, start, capacity }
    }

    /// As [`new`](Self::new), full of zeros.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn zeroed(length: usize, alignment: usize) -> Self {
        let mut this = Self::new(length, alignment);
        this.memory.resize(this.start + length, 0);
        this
    }

    /// How many bytes there is room for.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Forgets the bytes; the memory stays.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Forgets the bytes after the first `length`.
    pub fn truncate(&mut self, length: usize) {
        self.memory.truncate(self.start.saturating_add(length));
    }

    /// Appends bytes.
    ///
    /// # Panics
    ///
    /// When there is no room: a buffer that grew would not stay where it is.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let left = self.capacity - self.len();
        assert!(bytes.len() <= left, "there is room for {left} bytes, not for {}", bytes.len());
        self.memory.extend_from_slice(bytes);
    }

    /// The bytes, to be changed in place.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..]
    }
}

impl Deref for AlignedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[self.start..]
    }
}

impl fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capacity, .. } = self;
        f.debug_struct("AlignedBuf").field("len", &self.len()).field("capacity", capacity).finish()
    }
}

// SAFETY: the bytes live on the heap, in a vector that never grows beyond what it was made with;
// neither moving nor leaking it touches them.
unsafe impl IoBuf for AlignedBuf {
    fn io_ptr(&self) -> *const u8 {
        self.memory.as_ptr().wrapping_add(self.start)
    }

    fn io_len(&self) -> usize {
        self.len()
    }

    fn io_capacity(&self) -> usize {
        self.capacity
    }
}

// SAFETY: the vector is owned, so nothing else reaches its bytes; it was made with room for
// `capacity` bytes after `start`, and all before `start` are initialised.
unsafe impl IoBufMut for AlignedBuf {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.memory.as_mut_ptr().wrapping_add(self.start)
    }

    unsafe fn set_init(&mut self, n: usize) {
        if n > self.len() {
            // SAFETY: the caller promises that `n` bytes from `start` on are initialised, and that
            // they are within the capacity; those before are zeros.
            unsafe { self.memory.set_len(self.start + n) }
        }
    }
}
